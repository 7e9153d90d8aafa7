// Why a track has its label, and how sure it is.
import { ask } from "/page/api.js";
import { h } from "/page/dom.js";
import { keyName, length, share } from "/page/words.js";

const MOST_GENRES = 5;
const MOST_TAGS = 10;
const LIKELY = 0.1;
const RARE = 0.01;
const KINDS = { genre: "Style", mood: "Mood", instrument: "Instruments", voice: "Voice", era: "Era" };
const FEATURES = ["energy", "valence", "danceability", "acousticness", "instrumentalness", "speechiness", "liveness"];

/** Fills `place` with what is known about a track. */
export async function why(id, place) {
  place.append(h("p", { class: "why" }, "Asking…"));
  try {
    const { label, failure } = await ask("/api/track", { id });
    place.replaceChildren(explained(label, failure));
  } catch (error) {
    place.replaceChildren(h("p", { class: "notice" }, error.message));
  }
}

function explained(label, failure) {
  const columns = [part("Genres", bars(label.genres.filter(({ probability }) => probability >= RARE).slice(0, MOST_GENRES).map((one) => [one.genre, one.probability]))),
    part("What was heard", heard(label.tags)),
    part("Sound, and how sure that is", features(label.features))];
  return h("div", { class: "why" }, h("p", {}, verdict(label)), h("div", { class: "why-columns" }, columns),
    h("p", {}, h("small", {}, provenance(label))),
    failure && h("p", { class: "notice" }, `Its newest submission failed: ${failure.reason}. ${failure.message}`));
}

const part = (name, content) => h("section", {}, h("h3", {}, name), content);

function verdict({ genres, unsure }) {
  if (!genres.length) return "The networks heard no genre that they have a word for.";
  const [first, second] = genres;
  const next = second && second.probability >= RARE ? `, then ${second.genre} with ${share(second.probability)}` : "";
  const said = `Most likely ${first.genre}, with ${share(first.probability)}${next}.`;
  return unsure ? `${said} That is too unsure to act on.` : said;
}

function bars(pairs) {
  return h("div", { class: "bars" }, pairs.map(([name, value, note]) => {
    const filled = h("i");
    filled.style.width = `${Math.round(value * 100)}%`;
    return [h("span", {}, name), h("span", { class: "bar", "aria-hidden": "true" }, filled), h("span", { class: "n" }, note ?? share(value))];
  }));
}

function heard(tags) {
  const all = Object.entries(tags).flatMap(([kind, found]) => found.map((one) => ({ kind, ...one })));
  const likely = all.filter((one) => one.probability >= LIKELY).sort((one, other) => other.probability - one.probability);
  if (!likely.length) return h("p", {}, "No tag is likely.");
  return bars(likely.slice(0, MOST_TAGS).map(({ kind, tag, probability }) => [`${KINDS[kind] ?? kind}: ${tag}`, probability]));
}

function features(found) {
  const sure = (name) => (found.confidence?.[name] == null ? "" : ` (${share(found.confidence[name])})`);
  const rows = FEATURES.filter((name) => found[name] != null)
    .map((name) => [name, found[name], `${found[name].toFixed(2)}${sure(name)}`]);
  const plain = [
    found.tempo && `${Math.round(found.tempo)} BPM${sure("tempo")}`,
    found.tempo_alternative && `or ${Math.round(found.tempo_alternative.bpm)} BPM`,
    keyName(found.key, found.mode) && `${keyName(found.key, found.mode)}${sure("key")}`,
    found.loudness != null && `${found.loudness.toFixed(1)} LUFS`,
    found.duration_ms && length(found.duration_ms),
  ].filter(Boolean);
  return h("div", {}, rows.length ? bars(rows) : null, h("p", {}, plain.join(" · ")));
}

function provenance({ analysed, versions, labeled_at, audio }) {
  const when = new Date(labeled_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  const what = `${analysed.n_patches} patches of ${Math.round(analysed.decoded_s)} s of ${audio.container}`;
  return `Heard ${what}, ${when}, by ensemble ${versions.ensemble}, features ${versions.features}.`;
}
