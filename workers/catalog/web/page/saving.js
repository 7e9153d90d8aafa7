// Selections that are saved in the catalog under a name, for later, for others and for plain mode.
import { answer, ask } from "/page/api.js";
import { Chips } from "/page/chips.js";
import { byId, say } from "/page/dom.js";
import { question } from "/page/question.js";

const LISTS = ["genre", "not_genre", "tag", "not_tag", "track"];
const MOST_BY_HAND = 500; // the API's limit
const place = (name) => `/api/selections/${encodeURIComponent(name)}`;

let chips;
const dialog = byId("saving");

/** Wires the saved selections; `chosen()` is what to save: the parameters that choose tracks. */
export function wireSaving(chosen, trouble) {
  chips = new Chips(byId("saved"), (name) => question.set({ saved: question.get("saved") === name ? null : name }));
  const attempt = (act) => () => act().then(showSaved).catch(trouble);
  byId("save").addEventListener("click", () => dialog.showModal());
  byId("saving-cancel").addEventListener("click", () => dialog.close());
  byId("saving-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    attempt(() => save(byId("saving-name").value.trim(), chosen()))();
  });
  byId("forget").addEventListener("click", attempt(async () => {
    const name = question.get("saved");
    await answer(place(name), { method: "DELETE" });
    question.set({ saved: null });
    say(`${name} is no longer saved`);
  }));
  attempt(async () => {})();
}

/** Shows what is saved, and whether the present selection can be: one that narrows a saved one cannot. */
export function showSaving() {
  const name = question.get("saved");
  byId("save").hidden = Boolean(name);
  byId("forget").hidden = !name;
  if (chips) chips.show({}, name ? [name] : []);
}

async function showSaved() {
  const { items } = await ask("/api/selections", {});
  byId("saved").replaceChildren();
  chips.forget();
  const name = question.get("saved");
  chips.show(Object.fromEntries(items.map((one) => [one.name, null])), name ? [name] : []);
  byId("saved-part").hidden = !items.length;
}

async function save(name, parameters) {
  const body = JSON.stringify(written(parameters));
  await answer(place(name), { method: "PUT", headers: { "content-type": "application/json" }, body });
  say(`Saved as ${name}`);
}

function written(parameters) {
  const query = {};
  for (const [name, value] of parameters) {
    if (LISTS.includes(name)) (query[name] ??= []).push(value);
    else if (name === "unsure") query[name] = value === "true";
    else query[name] = /^(min|max)_/.test(name) ? Number(value) : value;
  }
  query.track = query.track?.slice(0, MOST_BY_HAND);
  return query;
}
