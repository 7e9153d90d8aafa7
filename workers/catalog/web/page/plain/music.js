// Which tracks a choice means. Where a choice finds nothing there is still music: any of the selection.
import { ask } from "/page/api.js";
import { youth } from "/page/plain/profile.js";

const MOST = 60;
// Of a small collection not half is calm: a quarter.
const SHARE = 4;
const FEW = 5;
const MOODS = {
  calm: { targets: { target_energy: 0.15, target_tempo: 70 }, bound: "max_energy", by: "energy", part: 0.4 },
  cheerful: { targets: { target_valence: 0.9, target_energy: 0.65 }, bound: "min_valence", by: "valence", part: 0.6 },
};
const ORDERS = ["energy", "-energy", "valence", "-valence", "title", "-title", "labeled_at", "-labeled_at"];

/** Tracks of a choice in the order to play them; `current` is the one to be like. */
export async function tracksOf(choice, profile, current) {
  const found = await wanted(choice, profile, current);
  return found.length ? found : any(profile);
}

async function wanted(choice, profile, current) {
  const within = selection(profile);
  if (choice === "like") {
    return current ? (await ask("/api/similar", { ...within, id: current.id, limit: 20 })).items : [];
  }
  if (choice === "youth") {
    const years = youth(profile);
    return years ? any(profile, { min_year: years.from, max_year: years.to }) : [];
  }
  const { targets, bound, by, part } = MOODS[choice];
  const { total, facets } = await ask("/api/tracks", { ...within, limit: 1, facets: true });
  const limit = Math.min(Math.max(Math.floor(total / SHARE), FEW), MOST);
  const bounds = { [bound]: quantile(facets.histograms[by], part) };
  return shuffled((await ask("/api/recommend", { ...within, ...targets, ...bounds, limit })).items);
}

// What is calm is so beside the rest of this music: below this value lies that part of the tracks.
function quantile({ low, high, counts }, part) {
  const wanted = counts.reduce((sum, n) => sum + n, 0) * part;
  let sum = 0;
  const bin = counts.findIndex((n) => (sum += n) >= wanted);
  return low + ((bin + (part < 0.5 ? 1 : 0)) / counts.length) * (high - low);
}

async function any(profile, more = {}) {
  const sort = ORDERS[Math.floor(Math.random() * ORDERS.length)];
  return shuffled((await ask("/api/tracks", { ...selection(profile), ...more, sort, limit: 200 })).items);
}

export const selection = ({ saved }) => (saved ? { saved } : {});

function shuffled(items) {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [items[last], items[other]] = [items[other], items[last]];
  }
  return items;
}
