// What a carer sets up: which music, the listener's year of birth, the language, a limit of the volume.
import { ask } from "/page/api.js";
import { byId, h } from "/page/dom.js";
import { selection, tracksOf } from "/page/plain/music.js";
import { keep, profile, youth } from "/page/plain/profile.js";
import { Sound } from "/page/plain/sound.js";
import { languageOf, loaded, write } from "/page/plain/texts.js";

const set = profile();
const sound = new Sound(1, () => tried(false), () => tried(false));
let languages;
let text;

byId("born").value = set.born ?? "";
byId("volume").value = set.volume;

async function begin() {
  languages = await loaded;
  set.language = languageOf(languages, set.language);
  byId("language").append(...Object.entries(languages).map(([code, { name }]) => h("option", { value: code }, name)));
  byId("language").value = set.language;
  showTexts();
  const { items } = await ask("/api/selections", {});
  byId("saved").append(...items.map(({ name }) => h("option", { value: name }, name)));
  byId("saved").value = items.some(({ name }) => name === set.saved) ? set.saved : "";
  await read();
}

function showTexts() {
  text = write(languages, set.language, "setup_page", { address: location.origin + location.pathname });
  const all = byId("saved").querySelector('[value=""]') ?? byId("saved").appendChild(h("option", { value: "" }));
  all.textContent = text("setup_all");
  byId("volume-note").textContent = text(sound.canLimit ? "setup_volume_note" : "setup_volume_fixed");
}

async function read() {
  byId("trouble").hidden = true;
  const born = byId("born").valueAsNumber;
  Object.assign(set, {
    language: byId("language").value,
    saved: byId("saved").value,
    born: byId("born").validity.valid && Number.isInteger(born) ? born : null,
    volume: byId("volume").valueAsNumber,
  });
  keep(set);
  showTexts();
  byId("volume-text").textContent = `${set.volume} %`;
  byId("volume").setAttribute("aria-valuetext", `${set.volume} %`);
  sound.limit = set.volume / 100;
  const years = youth(set);
  if (!years) return (byId("youth").textContent = text("setup_no_born"));
  const { total } = await ask("/api/tracks", { ...selection(set), min_year: years.from, max_year: years.to, limit: 1 });
  byId("youth").textContent = text(total ? "setup_youth" : "setup_no_youth", { ...years, n: total });
}

async function tryVolume() {
  if (byId("try").getAttribute("aria-pressed") === "true") {
    sound.stop();
    return tried(false);
  }
  tried(true);
  const [item] = await tracksOf("cheerful", set, null);
  if (item) await sound.play(item);
  else tried(false);
}

const tried = (isOn) => byId("try").setAttribute("aria-pressed", isOn);

function trouble(error) {
  tried(false);
  byId("trouble").hidden = false;
  byId("trouble").textContent = error.message;
}

const ready = begin();
ready.catch(trouble);
byId("setup").addEventListener("input", () => ready.then(read).catch(trouble));
byId("try").addEventListener("click", () => tryVolume().catch(trouble));
byId("setup").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = "/plain";
});
