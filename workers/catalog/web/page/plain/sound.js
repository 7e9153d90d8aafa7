// One audio element that is never louder than it may be, and never begins with a start.
import { audioAddress } from "/page/api.js";
import { h } from "/page/dom.js";

// What is louder than this is turned down: about as loud as quiet recordings are.
const EVEN_LUFS = -18;
const FADE_S = 2;
const STEP_MS = 50;

export class Sound {
  #audio = h("audio");
  #fading = 0;

  /** `limit` is 0 to 1; `ended` is called when a track is over, `failed` when it breaks off. */
  constructor(limit, ended, failed) {
    this.limit = limit;
    document.body.append(this.#audio);
    this.#audio.addEventListener("ended", ended);
    this.#audio.addEventListener("error", () => this.#audio.getAttribute("src") && failed());
  }

  /** Whether this browser lets a page set the volume (iPhones do not). */
  get canLimit() {
    const before = this.#audio.volume;
    this.#audio.volume = 0.5;
    const can = this.#audio.volume === 0.5;
    this.#audio.volume = before;
    return can;
  }

  /** Plays a track from its beginning. Raises what the browser or the catalog says when it cannot. */
  async play(item) {
    const before = this.#audio.src;
    this.#audio.src = await audioAddress(item.id);
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    await this.#start(item);
  }

  /** Goes on where it was stopped. */
  resume = (item) => this.#start(item);

  stop() {
    clearInterval(this.#fading);
    this.#audio.pause();
  }

  async #start(item) {
    clearInterval(this.#fading);
    const loudness = item.features?.loudness ?? EVEN_LUFS;
    const most = this.limit * Math.min(1, 10 ** ((EVEN_LUFS - loudness) / 20));
    this.#audio.volume = 0;
    await this.#audio.play();
    this.#fading = setInterval(() => {
      const next = this.#audio.volume + (most * STEP_MS) / (FADE_S * 1000);
      this.#audio.volume = Math.min(next, most);
      if (next >= most) clearInterval(this.#fading);
    }, STEP_MS);
  }
}
