// One player for the whole page.
import { audioAddress } from "/page/api.js";
import { PLAY, STOP, byId, h, icon } from "/page/dom.js";
import { length, title } from "/page/words.js";

class Player extends EventTarget {
  #audio = h("audio");
  #wanted = false;
  item = null;

  constructor() {
    super();
    const audio = this.#audio;
    document.body.append(audio);
    audio.volume = 0.8;
    byId("player-play").addEventListener("click", () => this.toggle(this.item));
    byId("player-volume").addEventListener("input", (event) => (audio.volume = event.target.value / 100));
    byId("player-position").addEventListener("input", (event) => {
      if (audio.duration) audio.currentTime = (event.target.value / 1000) * audio.duration;
    });
    audio.addEventListener("timeupdate", () => this.#showTime());
    audio.addEventListener("playing", () => this.#note(""));
    audio.addEventListener("waiting", () => this.#note("loading"));
    audio.addEventListener("error", () => this.#fail("no preview: its file is not within reach of the catalog"));
    audio.addEventListener("ended", () => {
      this.#wanted = false;
      this.#changed();
      this.dispatchEvent(new Event("ended"));
    });
  }

  plays = (id) => this.#wanted && this.item?.id === id;

  /** Plays a track, or stops it where it is. */
  async toggle(item) {
    if (this.plays(item.id)) {
      this.#wanted = false;
      this.#audio.pause();
      return this.#changed();
    }
    const isOther = this.item?.id !== item.id;
    this.item = item;
    this.#wanted = true;
    this.#changed();
    try {
      if (isOther || this.#audio.error) {
        this.#note("loading");
        const before = this.#audio.src;
        this.#audio.src = await audioAddress(item.id);
        if (before.startsWith("blob:")) URL.revokeObjectURL(before);
      }
      await this.#audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(error.status ? error.message : "no preview: its file is not within reach of the catalog");
    }
  }

  #fail(message) {
    if (!this.item) return;
    this.#wanted = false;
    this.#changed();
    this.#note(message);
  }

  #note(text) {
    byId("player-note").textContent = text || (this.item?.artist ?? "");
  }

  #changed() {
    byId("player").hidden = !this.item;
    const plays = this.#wanted;
    byId("player-play").setAttribute("aria-label", `${plays ? "Stop" : "Play"} ${title(this.item)}`);
    byId("player-play").replaceChildren(icon(plays ? STOP : PLAY));
    byId("player-title").textContent = title(this.item);
    this.dispatchEvent(new Event("change"));
  }

  #showTime() {
    const { currentTime, duration } = this.#audio;
    if (!Number.isFinite(duration)) return;
    byId("player-position").value = (currentTime / duration) * 1000;
    byId("player-position").setAttribute("aria-valuetext", `${length(currentTime * 1000)} of ${length(duration * 1000)}`);
    byId("player-time").textContent = `${length(currentTime * 1000)} / ${length(duration * 1000)}`;
  }
}

export const player = new Player();
