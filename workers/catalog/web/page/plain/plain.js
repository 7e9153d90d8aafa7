// Plain mode: one question, four choices, one button to play and stop. Everything is always in its place.
import { byId, PLAY, STOP } from "/page/dom.js";
import { tracksOf } from "/page/plain/music.js";
import { profile } from "/page/plain/profile.js";
import { Sound } from "/page/plain/sound.js";
import { languageOf, loaded, write } from "/page/plain/texts.js";

const PAUSE_MS = 1500; // between two tracks
const MOST_FAILURES = 8; // in a row, then nothing here can be played
const set = profile();
let text;
const ready = loaded.then((languages) => (text = write(languages, languageOf(languages, set.language), "page")));
const buttons = [...document.querySelectorAll("[data-choice]")];
const sound = new Sound(set.volume / 100, () => setTimeout(next, PAUSE_MS), () => failed());

let choice = null;
let queue = [];
let current = null;
let isPlaying = false;
let isReady = false; // whether `current` is loaded and only waits
let failures = 0;
let turn = 0; // what was asked for before the last press counts no more

// Listened to at once: who presses before the texts are there is not overheard.
for (const button of buttons) button.addEventListener("click", () => ready.then(() => choose(button.dataset.choice)));
byId("play").addEventListener("click", () => ready.then(() => (isPlaying ? stop() : go())));
ready.then(() => show(text("begin")));

async function choose(wanted) {
  choice = wanted;
  const mine = ++turn;
  sound.stop();
  isPlaying = true;
  isReady = false;
  failures = 0;
  show(text("looking"));
  try {
    const found = await tracksOf(choice, set, current);
    if (mine !== turn) return;
    queue = found;
    await next();
  } catch (error) {
    if (mine === turn) away(error);
  }
}

async function next() {
  if (!isPlaying) return;
  const mine = turn;
  const item = queue.shift();
  if (!item) return failures ? nothing() : choose(choice);
  current = item;
  try {
    await sound.play(item);
    if (mine !== turn || current !== item) return;
    isReady = true;
    failures = 0;
    show();
  } catch (error) {
    // A file that cannot be opened says so by its error event, too; what was stopped is no failure.
    if (mine === turn && error.status) failed();
  }
}

function failed() {
  if (!isPlaying) return;
  failures += 1;
  if (failures >= MOST_FAILURES) nothing();
  else next();
}

function go() {
  if (!isReady) return choose(choice ?? "calm");
  isPlaying = true;
  sound.resume(current).catch(() => choose(choice));
  show();
}

function stop() {
  turn += 1;
  isPlaying = false;
  sound.stop();
  show(isReady ? undefined : text("begin"));
}

function nothing() {
  isPlaying = isReady = false;
  show(text("nothing"));
}

function away({ status }) {
  isPlaying = isReady = false;
  show(text(status === 401 || status === 404 ? "nothing" : "away"));
}

// Nothing here disappears by itself: a text stays until somebody presses something.
function show(message) {
  const name = current?.title || current?.id.split("/").pop();
  byId("now").textContent = message ?? name;
  byId("by").textContent = message ? "" : [current.artist, current.year].filter(Boolean).join(", ");
  for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.choice === choice);
  byId("play-text").textContent = text(isPlaying ? "stop" : "play");
  byId("play-picture").setAttribute("d", isPlaying ? STOP : PLAY);
}
