// The list of tracks.
import { PLAY, STOP, h, icon } from "/page/dom.js";
import { player } from "/page/player.js";
import { colour, share, sound, title } from "/page/words.js";
import { why } from "/page/why.js";

/** A list in `place`; `like` is told the track that others shall be like. */
export class Tracks {
  #rows = new Map();

  constructor(place, like) {
    this.place = place;
    this.like = like;
    player.addEventListener("change", () => this.#mark());
    player.addEventListener("ended", () => this.#next());
  }

  /** Shows these and no others; those of `fresh` (ids) are marked as new. */
  show(items, fresh = new Set()) {
    this.#rows.clear();
    this.place.replaceChildren();
    this.add(items, fresh);
  }

  /** Adds these at the end. */
  add(items, fresh = new Set()) {
    for (const item of items) {
      const row = this.#row(item);
      if (fresh.has(item.id)) row.element.classList.add("new");
      this.#rows.set(item.id, row);
      this.place.append(row.element);
    }
    this.#mark();
  }

  get size() {
    return this.#rows.size;
  }

  get ids() {
    return [...this.#rows.keys()];
  }

  /** Puts the focus on the row at an index. */
  focus(index) {
    [...this.#rows.values()][index]?.play.focus();
  }

  #row(item) {
    const name = title(item);
    const play = h("button", { type: "button", class: "round", onclick: () => player.toggle(item) });
    const more = h("div", { hidden: true });
    const asks = h("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-label": `Why this label: ${name}` }, "Why?");
    asks.addEventListener("click", () => {
      more.hidden = !more.hidden;
      asks.setAttribute("aria-expanded", !more.hidden);
      if (!more.hidden && !more.firstChild) why(item.id, more);
    });
    const like = () => this.like(item);
    const tools = h("div", { class: "track-tools" },
      h("button", { type: "button", class: "quiet", "aria-label": `More like this: ${name}`, onclick: like }, "More like this"),
      asks);
    const by = [item.artist, item.album, item.year].filter(Boolean).join(" · ");
    const names = h("div", {}, h("div", { class: "name" }, name), h("div", { class: "by" }, by));
    const reasons = item.reasons?.length ? h("p", { class: "reasons" }, `${share(item.similarity)} alike: ${item.reasons.join(", ")}`) : null;
    const facts = h("div", { class: "facts" }, genre(item), h("div", { class: "sound" }, sound(item.features)));
    const row = h("div", { class: "track-row" }, play, names, facts, tools, reasons);
    return { item, play, element: h("li", { class: "track", "data-id": item.id }, row, more) };
  }

  #mark() {
    for (const { item, play, element } of this.#rows.values()) {
      const plays = player.plays(item.id);
      element.classList.toggle("playing", plays);
      play.setAttribute("aria-label", `${plays ? "Stop" : "Play"} ${title(item)}`);
      play.replaceChildren(icon(plays ? STOP : PLAY));
    }
  }

  #next() {
    const rows = [...this.#rows.values()];
    const at = rows.findIndex(({ item }) => item.id === player.item?.id);
    if (at >= 0 && rows[at + 1]) player.toggle(rows[at + 1].item);
  }
}

function genre(item) {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  dot.style.background = colour(item.genre);
  const sure = item.unsure ? "unsure" : share(item.confidence);
  return h("div", { class: `genre${item.unsure ? " unsure" : ""}` }, dot, h("span", {}, item.genre ?? "no genre", " ", h("small", {}, sure)));
}
