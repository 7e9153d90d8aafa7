// Questions to the catalog.
import { byId } from "/page/dom.js";

const TOKEN = "needledrop-token";

/** The catalog refused; `status` is HTTP's, 0 when it did not answer. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const token = () => localStorage.getItem(TOKEN);
export const hasToken = () => Boolean(token());

/** The address of a route with parameters. */
export const address = (path, parameters) => `${path}?${new URLSearchParams(parameters)}`;

/** The answer to a question; asks the person for a token where one is needed. */
export async function answer(url, options = {}) {
  const headers = token() ? { authorization: `Bearer ${token()}` } : {};
  let found;
  try {
    found = await fetch(url, { ...options, headers: { ...headers, ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The catalog does not answer.");
  }
  if (found.status === 401 && byId("token")) {
    await askForToken();
    return answer(url, options);
  }
  if (!found.ok) throw new Refused(found.status, await reason(found));
  return found;
}

/** The JSON of an answer. */
export const ask = async (path, parameters, options) => (await answer(address(path, parameters), options)).json();

async function reason(found) {
  try {
    return (await found.json()).error.message;
  } catch {
    return `The catalog answered ${found.status}.`;
  }
}

// One dialog for all questions that wait; who declines is not asked again before the page is loaded anew.
let asking;
function askForToken() {
  const dialog = byId("token");
  asking ??= new Promise((resolve, reject) => {
    byId("token-wrong").hidden = !hasToken();
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "given") return reject(new Refused(401, "A valid token is needed; load the page again to give one."));
      localStorage.setItem(TOKEN, byId("token-value").value.trim());
      asking = undefined;
      resolve();
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

/** An address that an audio element can play; elements send no token, so with one the file is fetched. */
export async function audioAddress(id) {
  const url = address("/api/audio", { id });
  if (!hasToken()) return url;
  return URL.createObjectURL(await (await answer(url)).blob());
}
