// Ranges of features, dragged on their histograms or moved with the keyboard.
import { h } from "/page/dom.js";
import { length } from "/page/words.js";

const STEPS = 100;
const hundredth = (value) => value.toFixed(2);
const SOUND = [
  { name: "energy", label: "Energy", write: hundredth },
  { name: "valence", label: "Valence (sad to happy)", write: hundredth },
  { name: "tempo", label: "Tempo", write: (value) => `${Math.round(value)}`, unit: " BPM" },
  { name: "danceability", label: "Danceability", write: hundredth },
  { name: "acousticness", label: "Acousticness", write: hundredth },
  { name: "year", label: "Year", write: (value) => `${Math.round(value)}`, whole: true },
];
const MORE = [
  { name: "instrumentalness", label: "Instrumentalness", write: hundredth },
  { name: "speechiness", label: "Speechiness", write: hundredth },
  { name: "liveness", label: "Liveness", write: hundredth },
  { name: "loudness", label: "Loudness", write: (value) => `${Math.round(value)}`, unit: " LUFS" },
  { name: "duration_ms", label: "Length", write: length, whole: true },
  { name: "confidence", label: "How sure the genre is", write: hundredth },
];

/** All ranges, in their places; `change` is told parameters that changed: `{min_energy: 0.2, max_energy: null}`. */
export function ranges(place, morePlace, change) {
  const made = [...SOUND, ...MORE].map((feature) => new Range(feature, change));
  place.append(...made.slice(0, SOUND.length).map((range) => range.element));
  morePlace.append(...made.slice(SOUND.length).map((range) => range.element));
  return made;
}

/** Bounds as a person reads them: `90–120 BPM`, `at least 0.5`, null for none. */
export function bounds(name, low, high) {
  const { write, unit = "" } = [...SOUND, ...MORE].find((one) => one.name === name) ?? { write: String };
  if (low == null && high == null) return null;
  if (low == null) return `at most ${write(Number(high))}${unit}`;
  if (high == null) return `at least ${write(Number(low))}${unit}`;
  return `${write(Number(low))}–${write(Number(high))}${unit}`;
}

export const labelOf = (name) => [...SOUND, ...MORE].find((one) => one.name === name)?.label.split(" (")[0] ?? name;

class Range {
  #low = 0;
  #high = 1;

  constructor(feature, change) {
    this.name = feature.name;
    this.feature = feature;
    this.change = change;
    this.output = h("output", {}, "any");
    this.all = path("all");
    this.now = path("now");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 1 1");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(this.all, this.now);
    this.field = h("div", { class: "histogram", "aria-hidden": "true" }, svg);
    this.from = this.#slider("at least", 0);
    this.to = this.#slider("at most", STEPS);
    const legend = h("legend", {}, h("span", {}, feature.label), this.output);
    const sliders = h("div", { class: "sliders" }, this.from, this.to);
    this.element = h("fieldset", { class: "range" }, legend, this.field, sliders);
    this.#brush();
  }

  /** Histograms of all tracks and of the chosen ones, and the bounds that are set (strings or null). */
  show(all, now, low, high) {
    this.#low = all.low;
    this.#high = all.high;
    this.all.setAttribute("d", bars(all.counts));
    this.now.setAttribute("d", bars(now.counts));
    if (this.element.matches(":active")) return; // a hand is on it
    this.from.value = low == null ? 0 : this.#step(Number(low));
    this.to.value = high == null ? STEPS : this.#step(Number(high));
    this.#write();
  }

  #slider(which, value) {
    const label = `${this.feature.label.split(" (")[0]} ${which}`;
    const moved = (event) => {
      const [from, to] = [Number(this.from.value), Number(this.to.value)];
      if (from > to) event.target.value = event.target === this.from ? to : from;
      this.#moved();
    };
    return h("input", { type: "range", min: 0, max: STEPS, step: 1, value, "aria-label": label, oninput: moved });
  }

  #step = (value) => Math.round(((value - this.#low) / (this.#high - this.#low)) * STEPS);

  #value(step) {
    const value = this.#low + (step / STEPS) * (this.#high - this.#low);
    return this.feature.whole ? Math.round(value) : Number(value.toFixed(4));
  }

  // At an end there is no bound: what is unknown, or beyond the histogram, counts again.
  #bounds() {
    const [from, to] = [Number(this.from.value), Number(this.to.value)];
    return [from > 0 ? this.#value(from) : null, to < STEPS ? this.#value(to) : null];
  }

  #moved() {
    const [low, high] = this.#bounds();
    this.#write();
    this.change({ [`min_${this.name}`]: low, [`max_${this.name}`]: high });
  }

  #write() {
    const [low, high] = this.#bounds();
    const said = bounds(this.name, low, high);
    this.output.textContent = said ?? "any";
    this.element.classList.toggle("set", said !== null);
    for (const slider of [this.from, this.to]) {
      const { write, unit = "" } = this.feature;
      slider.setAttribute("aria-valuetext", write(this.#value(Number(slider.value))) + unit);
    }
  }

  #brush() {
    let start = null;
    const at = (event) => {
      const box = this.field.getBoundingClientRect();
      return Math.round(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * STEPS);
    };
    this.field.addEventListener("pointerdown", (event) => {
      start = at(event);
      this.field.setPointerCapture(event.pointerId);
    });
    this.field.addEventListener("pointermove", (event) => {
      const here = at(event);
      if (start === null || Math.abs(here - start) < 2) return;
      this.from.value = Math.min(start, here);
      this.to.value = Math.max(start, here);
      this.#moved();
    });
    for (const end of ["pointerup", "pointercancel"]) this.field.addEventListener(end, () => (start = null));
  }
}

function path(name) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  element.setAttribute("class", name);
  return element;
}

function bars(counts) {
  const most = Math.max(...counts, 1);
  const width = 1 / counts.length;
  const bar = (n, index) =>
    n ? `M${index * width} 1v${-Math.max(n / most, 0.03)}h${width * 0.86}V1z` : "";
  return counts.map(bar).join("");
}
