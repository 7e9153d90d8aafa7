// The texts of plain mode, all in texts.json: to translate it, add a language there.

/** All languages, when they are there: {en: {name: "English", ...}, ...}. */
export const loaded = fetch("/page/plain/texts.json").then((found) => found.json());

/** The language to use: the chosen one, else the browser's, else English. */
export function languageOf(languages, chosen) {
  const wanted = [chosen, ...navigator.languages.map((one) => one.split("-")[0])];
  return wanted.find((one) => one in languages) ?? "en";
}

/** Writes a page's texts, those of one language; gives the function that looks one up: `text("setup_youth", {from: 1950})`. */
export function write(languages, language, title, values = {}) {
  const texts = languages[language];
  const text = (name, more = values) => texts[name].replace(/\{(\w+)\}/g, (_, key) => more[key]);
  document.documentElement.lang = language;
  document.title = text(title);
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  return text;
}
