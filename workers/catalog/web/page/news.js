// Tracks that come while the page is looked at: told, drawn, and shown where nobody is reading.
import { atMostEvery, byId, say } from "/page/dom.js";
import { live } from "/page/live.js";
import { count, title, tracks } from "/page/words.js";

const SHOWN_EVERY_MS = 1500; // seldom enough where fifty tracks a second are labeled
const TOLD_EVERY_MS = 10_000; // a screen reader, however many come
const MOST_MARKED = 1000;

export class News {
  #fresh = new Set();
  #toldAt = -Infinity;

  /** `map` draws them; `isAtRest()` says whether the list may move, `show()` asks for it anew. */
  constructor(map, isAtRest, show) {
    this.map = map;
    this.isAtRest = isAtRest;
    this.showSoon = atMostEvery(SHOWN_EVERY_MS, () => this.isAtRest() && show());
  }

  /** Listens for ever. */
  listen() {
    let wasOn = false;
    live((event) => this.#came(event), (isOn) => {
      byId("live").classList.toggle("on", isOn);
      if (isOn && wasOn) this.showSoon(); // what came while nobody looked
      wasOn ||= isOn;
      if (!isOn) byId("live-text").textContent = "The catalog is away; trying again";
    });
  }

  /** The ids of what has come since it was asked for last. */
  take() {
    const taken = this.#fresh;
    this.#fresh = new Set();
    byId("show-new").hidden = true;
    return taken;
  }

  #came({ total, labeled, items }) {
    byId("live-text").textContent = `Live: ${tracks(total)} labeled`;
    if (!labeled) return;
    for (const { id } of items) if (this.#fresh.size < MOST_MARKED) this.#fresh.add(id);
    const newest = items[0] ? `: ${title(items[0])}${items[0].genre ? `, ${items[0].genre}` : ""}` : "";
    const said = labeled === 1 ? `New${newest}` : `${count(labeled)} new, among them${newest.slice(1)}`;
    byId("live-text").textContent = `${tracks(total)}. ${said}`;
    this.#tell(said);
    this.map.add(items);
    // Nothing moves under a hand: there a button offers what has come.
    if (this.isAtRest()) this.showSoon();
    else byId("show-new").hidden = false;
  }

  #tell(text) {
    if (performance.now() - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = performance.now();
    say(text);
  }
}
