// What a carer has set up, kept on this device.

const PLACE = "needledrop-plain";
const STANDARD = { saved: "", born: null, language: null, volume: 60 };

/** {saved: name of a saved selection or "", born: year or null, language: code or null, volume: 10 to 100}. */
export function profile() {
  try {
    return { ...STANDARD, ...JSON.parse(localStorage.getItem(PLACE)) };
  } catch {
    return STANDARD;
  }
}

export const keep = (found) => localStorage.setItem(PLACE, JSON.stringify(found));

// What people heard from 10 to 25 is what they remember best and like longest (the reminiscence bump).
const YOUTH = [10, 25];

/** The years of somebody's youth, null when the year of birth is not known. */
export const youth = ({ born }) => (born ? { from: born + YOUTH[0], to: born + YOUTH[1] } : null);
