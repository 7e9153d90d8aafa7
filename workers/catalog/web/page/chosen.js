// What is chosen, in words, each with a way to take it back.
import { h } from "/page/dom.js";
import { question } from "/page/question.js";
import { bounds, labelOf } from "/page/ranges.js";
import { title } from "/page/words.js";

const names = new Map();

/** Remembers what a track is called. */
export const remember = (item) => names.set(item.id, title(item));

const nameOf = (id) => names.get(id) ?? title({ id });

/** Fills `place` with a button for each part of the question. */
export function showChosen(place) {
  const parts = [
    ...(question.like ? [[`like ${nameOf(question.like)}`, () => question.set({ like: null })]] : []),
    ...(question.get("saved") ? [[`saved: ${question.get("saved")}`, () => question.set({ saved: null })]] : []),
    ...["genre", "tag"].flatMap((name) =>
      question.all(name).map((value) => [value.split(":").pop(), () => question.toggle(name, value)])),
    ...(question.get("text") ? [[`“${question.get("text")}”`, () => question.set({ text: null })]] : []),
    ...(question.get("area") ? [["area of the map", () => question.set({ area: null })]] : []),
    ...(question.get("unsure") ? [["sure genre", () => question.set({ unsure: null })]] : []),
    ...bounded().map((name) => [
      `${labelOf(name)} ${bounds(name, question.get(`min_${name}`), question.get(`max_${name}`))}`,
      () => question.set({ [`min_${name}`]: null, [`max_${name}`]: null }),
    ]),
  ];
  const buttons = parts.map(([text, remove]) => h("button", { type: "button", onclick: remove, "aria-label": `Remove ${text}` }, text, " ×"));
  if (parts.length > 1) buttons.push(h("button", { type: "button", class: "quiet", onclick: () => question.clear() }, "Clear all"));
  place.replaceChildren(...buttons);
}

function bounded() {
  const names = [...question.selection().keys()].filter((name) => /^(min|max)_/.test(name) && name !== "min_tag");
  return [...new Set(names.map((name) => name.slice(4)))];
}
