// Elements, made in code.

/** An element: `h("button", {class: "round", onclick: go, "aria-label": "Play"}, "text", child)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** An SVG element of one path. */
export function icon(path, viewBox = "0 0 24 24") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
}

export const PLAY = "M7 4.5v15l13-7.5z";
export const STOP = "M5.5 5.5h13v13h-13z";

export const byId = (id) => document.getElementById(id);

/** Calls of a function that come quickly after another become one, the last. */
export function settled(wait_ms, call) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), wait_ms);
  };
}

/** Calls a function at most so often, however often it is asked for. */
export function atMostEvery(wait_ms, call) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      call();
    }, wait_ms);
  };
}

/** Says something to screen readers, when they have time for it. */
export function say(text) {
  byId("said").textContent = text;
}
