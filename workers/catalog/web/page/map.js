// The catalogue as a map: energy across, valence up, coloured by genre. A hundred thousand points are drawn pixel by pixel.
import { address, answer } from "/page/api.js";
import { colour, tracks } from "/page/words.js";

const ONE = 65535;
const NO_GENRE = 255;
const RARE = 3000; // fewer points are drawn larger
const CROWD = 200;
const GREY = [140, 130, 120];

/** Points as the catalog sends them: {n, energy, valence, genre, colours}. */
function parsed(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const { n, genres } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)).trim());
  const start = 4 + size;
  const [energy, valence] = [new Uint16Array(buffer, start, n), new Uint16Array(buffer, start + 2 * n, n)];
  return { n, energy, valence, genre: new Uint8Array(buffer, start + 4 * n, n), colours: genres.map(rgb) };
}

const rgb = (genre) => [1, 3, 5].map((at) => parseInt(colour(genre).slice(at, at + 2), 16));

export class TrackMap {
  #all = null;
  #chosen = null;
  #arrived = [];

  constructor(canvas) {
    this.canvas = canvas;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Shows the tracks of a selection (URLSearchParams) in colour, all others grey. */
  async show(selection, signal) {
    const isAll = ![...selection].length;
    if (!this.#all || isAll || this.isCrowded) {
      this.#all = await this.#points(isAll ? selection : new URLSearchParams(), signal);
      this.#arrived = [];
    }
    this.#chosen = isAll ? this.#all : await this.#points(selection, signal);
    this.draw();
    const said = isAll ? tracks(this.#all.n) : `${tracks(this.#chosen.n)} of ${tracks(this.#all.n)}`;
    this.canvas.setAttribute("aria-label", `Map of ${said}: energy across, valence up, coloured by genre`);
  }

  /** Tracks that have just come: drawn with a ring. */
  add(items) {
    const known = items.filter(({ features }) => features.energy != null && features.valence != null);
    this.#arrived = [...this.#arrived, ...known].slice(-2 * CROWD);
    this.draw();
  }

  /** Whether so many have come that the map should be asked for anew. */
  get isCrowded() {
    return this.#arrived.length > CROWD;
  }

  async #points(selection, signal) {
    const found = await answer(address("/api/map", selection), { signal });
    return parsed(await found.arrayBuffer());
  }

  draw() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!this.#chosen || !clientWidth) return;
    const scale = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(width, height);
    if (this.#chosen !== this.#all) blend(image, this.#all, scale, 0.25, true);
    blend(image, this.#chosen, scale, this.#chosen.n > RARE ? 0.55 : 0.9, false);
    context.putImageData(image, 0, 0);
    for (const { features, genre } of this.#arrived) {
      context.beginPath();
      context.arc(features.energy * width, (1 - features.valence) * height, 4.5 * scale, 0, 7);
      context.fillStyle = colour(genre);
      context.fill();
      context.lineWidth = 1.5 * scale;
      context.strokeStyle = getComputedStyle(this.canvas).color;
      context.stroke();
    }
  }
}

/** Lays points over an image, each some pixels, round where there are enough. */
function blend({ data, width, height }, points, scale, strength, isGrey) {
  const { n, energy, valence, genre, colours } = points;
  const size = Math.round((n > RARE ? 1.5 : n > 300 ? 3 : 8) * scale);
  const [wide, high] = [width - size, height - size];
  const middle = (size - 1) / 2;
  const reach = (size / 2) ** 2;
  for (let index = 0; index < n; index++) {
    const [red, green, blue] = isGrey || genre[index] === NO_GENRE ? GREY : colours[genre[index]];
    const left = Math.round((energy[index] / ONE) * wide);
    const top = Math.round((1 - valence[index] / ONE) * high);
    for (let y = 0; y < size; y++) {
      let at = ((top + y) * width + left) * 4;
      for (let x = 0; x < size; x++, at += 4) {
        if (size > 3 && (x - middle) ** 2 + (y - middle) ** 2 > reach) continue;
        const below = data[at + 3] / 255;
        const together = strength + below * (1 - strength);
        const part = strength / together;
        data[at] += (red - data[at]) * part;
        data[at + 1] += (green - data[at + 1]) * part;
        data[at + 2] += (blue - data[at + 2]) * part;
        data[at + 3] = together * 255;
      }
    }
  }
}
