// What is asked for: the parameters of the API, kept in the page's address so that it can be kept, shared and gone back to.

const SORT = "-labeled_at";
const OURS = ["like", "sort"]; // all others choose tracks

class Question extends EventTarget {
  #parameters = new URLSearchParams(location.search);

  constructor() {
    super();
    addEventListener("popstate", () => {
      this.#parameters = new URLSearchParams(location.search);
      this.dispatchEvent(new Event("change"));
    });
  }

  /** What chooses tracks, as the API takes it; without some names. */
  selection(...without) {
    const found = new URLSearchParams(this.#parameters);
    for (const name of [...OURS, ...without]) found.delete(name);
    return found;
  }

  get sort() {
    return this.#parameters.get("sort") ?? SORT;
  }

  /** The track that others shall be like, null for none. */
  get like() {
    return this.#parameters.get("like");
  }

  get = (name) => this.#parameters.get(name);
  all = (name) => this.#parameters.getAll(name);

  /** Sets some parameters; null removes one. */
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      if (value == null || value === "" || (name === "sort" && value === SORT)) this.#parameters.delete(name);
      else this.#parameters.set(name, value);
    }
    this.#changed();
  }

  /** Adds a value of a parameter that may be repeated, or takes it away. */
  toggle(name, value) {
    const values = this.all(name);
    const kept = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
    this.#parameters.delete(name);
    for (const one of kept) this.#parameters.append(name, one);
    this.#changed();
  }

  clear() {
    this.#parameters = new URLSearchParams();
    this.#changed();
  }

  #changed() {
    const search = this.#parameters.toString();
    history.replaceState(null, "", search ? `?${search}` : location.pathname);
    this.dispatchEvent(new Event("change"));
  }
}

export const question = new Question();
