// Chips: buttons that are pressed or not, most with the number of tracks that each would leave.
import { h } from "/page/dom.js";
import { count } from "/page/words.js";

/** A row of chips in `place` for the values of a parameter; `toggle` is told which was pressed. */
export class Chips {
  #buttons = new Map();

  constructor(place, toggle, colour) {
    this.place = place;
    this.toggle = toggle;
    this.colour = colour;
  }

  /** `counts` by value, in the order to begin with; chips stay where they are once they are there. */
  show(counts, pressed, label = (value) => value) {
    for (const value of new Set([...Object.keys(counts), ...pressed])) {
      if (!this.#buttons.has(value)) this.#add(value, label(value));
    }
    for (const [value, { button, n }] of this.#buttons) {
      const isPressed = pressed.includes(value);
      button.setAttribute("aria-pressed", isPressed);
      n.textContent = counts[value] == null ? "" : count(counts[value]);
    }
  }

  /** All chips are gone from their place. */
  forget() {
    this.#buttons.clear();
  }

  #add(value, text) {
    const n = h("span", { class: "n" });
    const dot = this.colour && h("span", { class: "dot", "aria-hidden": "true" });
    if (dot) dot.style.background = this.colour(value);
    const button = h("button", { type: "button", class: "chip", onclick: () => this.toggle(value) }, dot, text, " ", n);
    this.#buttons.set(value, { button, n });
    this.place.append(button);
  }
}
