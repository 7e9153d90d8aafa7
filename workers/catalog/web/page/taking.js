// Taking a selection away as a file.
import { address, answer, hasToken } from "/page/api.js";
import { h } from "/page/dom.js";

const MOST = 200_000; // the API's limit

/** Downloads the tracks that parameters choose. */
export async function take(selection, sort, format) {
  const url = address("/api/export", [...selection, ["sort", sort], ["format", format], ["limit", MOST]]);
  const file = hasToken() ? URL.createObjectURL(await (await answer(url)).blob()) : url;
  const link = h("a", { href: file, download: `needledrop.${format}` });
  document.body.append(link);
  link.click();
  link.remove();
}
