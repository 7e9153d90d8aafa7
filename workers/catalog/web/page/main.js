// Wires the page: a question changes, the catalog is asked, everything shows the answer.
import { ask } from "/page/api.js";
import { Chips } from "/page/chips.js";
import { remember, showChosen } from "/page/chosen.js";
import { byId, say, settled } from "/page/dom.js";
import { lasso, showArea } from "/page/lasso.js";
import { TrackMap } from "/page/map.js";
import { News } from "/page/news.js";
import { question } from "/page/question.js";
import { ranges } from "/page/ranges.js";
import { showSaving, wireSaving } from "/page/saving.js";
import { take } from "/page/taking.js";
import { Tracks } from "/page/tracks.js";
import { colour, count, tracks } from "/page/words.js";

const PAGE = 50;
const SETTLES_MS = 150;
const KINDS = ["instrument", "voice", "era"];

const list = new Tracks(byId("list"), (item) => {
  remember(item);
  question.set({ like: item.id });
  byId("total").focus();
});
const map = new TrackMap(byId("map"));
const area = document.querySelector("#lasso path");
let pending = {}; // bounds that a hand is still moving
const settle = settled(SETTLES_MS, () => {
  const values = pending;
  pending = {};
  question.set(values);
});
const rows = ranges(byId("ranges"), byId("more-ranges"), (values) => settle(Object.assign(pending, values)));
const genres = new Chips(byId("genres"), (genre) => question.toggle("genre", genre), colour);
const moods = new Chips(byId("moods"), (mood) => question.toggle("tag", mood));
const others = new Chips(byId("other-tags"), (tag) => question.toggle("tag", tag));

let whole = null; // facets of all tracks
let next = null;
let asked = new AbortController();
let sent = ""; // the words that the question has; those in the field may be newer

async function refresh({ isQuiet = false } = {}) {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  showControls();
  try {
    const drawn = isQuiet && !map.isCrowded ? null : map.show(question.selection(), signal);
    await Promise.all([showAnswer(signal, isQuiet), drawn]);
    byId("notice").hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    trouble(error);
  }
}

function trouble(error) {
  byId("notice").textContent = error.message;
  byId("notice").hidden = false;
}

// Tracks that are like one are no question that can be asked again by parameters: they are taken away by their ids.
const toTake = () => (question.like ? new URLSearchParams(list.ids.map((id) => ["track", id])) : question.selection());

async function showAnswer(signal, isQuiet) {
  const chosen = question.selection();
  const page = ask("/api/tracks", [...chosen, ["sort", question.sort], ["limit", PAGE], ["facets", true]], { signal });
  const withoutGenre = question.all("genre").length ? ask("/api/facets", question.selection("genre"), { signal }) : null;
  const alike = question.like ? ask("/api/similar", [...chosen, ["id", question.like], ["limit", PAGE]], { signal }) : null;
  whole ??= [...chosen].length ? await ask("/api/facets", [], { signal }) : (await page).facets;
  const { total, items, facets, next: cursor } = await page;
  showFacets(facets, (await withoutGenre) ?? facets);
  const shown = alike ? (await alike).items : items;
  next = alike ? null : cursor;
  list.show(shown, news.take());
  byId("more").hidden = !next;
  const head = alike ? `${count(shown.length)} like this` : tracks(total);
  if (byId("total").textContent !== head) {
    byId("total").textContent = head;
    if (!isQuiet) say(head);
  }
}

function showFacets(facets, withoutGenre) {
  const counted = (kind, from) => Object.fromEntries(Object.entries(from.tags[kind] ?? {}).map(([tag, n]) => [`${kind}:${tag}`, n]));
  const plain = (tag) => tag.slice(tag.indexOf(":") + 1);
  const ofAll = (names, now) => Object.fromEntries(Object.keys(names).map((name) => [name, now[name] ?? 0]));
  genres.show(ofAll({ ...whole.genres, ...withoutGenre.genres }, withoutGenre.genres), question.all("genre"));
  const pressed = question.all("tag");
  const isMood = (tag) => tag.startsWith("mood:");
  moods.show(ofAll(counted("mood", whole), counted("mood", facets)), pressed.filter(isMood), plain);
  const more = Object.assign({}, ...KINDS.map((kind) => counted(kind, whole)));
  const now = Object.assign({}, ...KINDS.map((kind) => counted(kind, facets)));
  others.show(ofAll(more, now), pressed.filter((tag) => !isMood(tag)), plain);
  for (const range of rows) {
    const { name } = range;
    range.show(whole.histograms[name], facets.histograms[name], question.get(`min_${name}`), question.get(`max_${name}`));
  }
}

function showControls() {
  showArea(area, question.get("area"));
  byId("undraw").hidden = !question.get("area");
  byId("sort").value = question.sort;
  byId("sort").disabled = Boolean(question.like);
  byId("sure").checked = question.get("unsure") === "false";
  const words = question.get("text") ?? "";
  if (words !== sent) sent = byId("text").value = words;
  showChosen(byId("chosen"));
  showSaving();
}

async function showMore() {
  const before = list.size;
  const page = await ask("/api/tracks", [...question.selection(), ["sort", question.sort], ["limit", PAGE], ["cursor", next]]);
  next = page.next;
  list.add(page.items);
  byId("more").hidden = !next;
  list.focus(before);
}

// New tracks may appear by themselves while the list shows its beginning, newest first, and nobody is in it.
const isAtRest = () =>
  question.sort === "-labeled_at" && !question.like && list.size <= PAGE && scrollY < 200 &&
  !byId("list").matches(":hover, :focus-within");
const news = new News(map, isAtRest, () => refresh({ isQuiet: true }));

function wire() {
  byId("text").addEventListener("input", settled(SETTLES_MS, () => {
    sent = byId("text").value.trim();
    question.set({ text: sent });
  }));
  byId("sort").addEventListener("change", () => question.set({ sort: byId("sort").value }));
  byId("sure").addEventListener("change", () => question.set({ unsure: byId("sure").checked ? "false" : null }));
  byId("more").addEventListener("click", () => showMore().catch(trouble));
  byId("show-new").addEventListener("click", () => refresh());
  byId("export").addEventListener("click", () => take(toTake(), question.sort, byId("format").value).catch(trouble));
  wireSaving(toTake, trouble);
  byId("undraw").addEventListener("click", () => question.set({ area: null }));
  byId("all-moods").addEventListener("click", ({ currentTarget }) => {
    const isShort = byId("moods").classList.toggle("short");
    currentTarget.setAttribute("aria-expanded", !isShort);
    currentTarget.textContent = isShort ? "All moods" : "Fewer moods";
  });
  byId("draw").addEventListener("click", ({ currentTarget }) => {
    const on = byId("map-field").classList.toggle("drawing");
    currentTarget.setAttribute("aria-pressed", on);
  });
  lasso(byId("map"), area, () => byId("map-field").classList.contains("drawing"), (drawn) => question.set({ area: drawn }));
  question.addEventListener("change", () => refresh());
  if (matchMedia("(max-width: 48rem)").matches) for (const panel of document.querySelectorAll(".panel")) panel.open = false;
  news.listen();
}

wire();
refresh();
