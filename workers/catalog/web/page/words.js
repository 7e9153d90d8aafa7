// How numbers and genres are written, and the colours of genres.

const number = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent" });
const KEYS = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

export const count = (n) => number.format(n);
export const share = (value) => percent.format(value);
export const tracks = (n) => (n === 1 ? "1 track" : `${count(n)} tracks`);

export function length(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export const keyName = (key, mode) => (key == null || key < 0 ? null : `${KEYS[key]}${mode === 0 ? " minor" : " major"}`);

/** What is worth knowing about the sound of a track at a glance. */
export function sound({ tempo, key, mode, duration_ms }) {
  const parts = [tempo && `${Math.round(tempo)} BPM`, keyName(key, mode), duration_ms && length(duration_ms)];
  return parts.filter(Boolean).join(" · ");
}

/** The title, or what there is instead. */
export const title = (item) => item.title || item.id.split("/").pop();

// Neighbours in sound are neighbours in hue; on light and dark alike.
const COLOURS = {
  classical: "#5b7fd6", ambient: "#48a3d1", world: "#2fae9f", folk: "#58a945", country: "#94a62c", blues: "#3f67b3",
  jazz: "#d9a018", "soul-rnb": "#e2803a", funk: "#ec6a4f", reggae: "#3f9d5d", latin: "#f08b2c", disco: "#ef5f8f",
  pop: "#e86aa8", indie: "#c06fd0", rock: "#cf4545", punk: "#e0527c", metal: "#8d6a5e", "hip-hop": "#8467dd",
  electronic: "#a15be6", soundtrack: "#6f8fa8",
};
const OTHERS = ["#7d8f69", "#b08d57", "#9a7fb8", "#5f9ea0", "#b56576"];

export function colour(genre) {
  if (!genre) return "#8f877d";
  if (COLOURS[genre]) return COLOURS[genre];
  let sum = 0;
  for (const letter of genre) sum += letter.charCodeAt(0);
  return OTHERS[sum % OTHERS.length];
}
