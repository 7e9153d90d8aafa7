// Drawing an area on the map.

const MOST_CORNERS = 40; // the API takes 48
const SMALLEST = 0.02; // a click is no area

/** Lets a person draw; `drawn` gets the area as the API takes it. Fingers draw only while `isDrawing()`, else they scroll. */
export function lasso(canvas, path, isDrawing, drawn) {
  let corners = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const unit = (value) => Math.min(Math.max(value, 0), 1);
    return [unit((event.clientX - box.left) / box.width), unit((event.clientY - box.top) / box.height)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType === "touch" && !isDrawing())) return;
    event.preventDefault();
    corners = [at(event)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!corners) return;
    corners.push(at(event));
    path.setAttribute("d", outline(corners));
  });
  canvas.addEventListener("pointercancel", () => {
    corners = null;
    path.removeAttribute("d");
  });
  canvas.addEventListener("pointerup", () => {
    const found = corners;
    corners = null;
    if (!found || extent(found, 0) < SMALLEST || extent(found, 1) < SMALLEST) return path.removeAttribute("d");
    drawn(written(found));
  });
}

/** Draws an area that is written as the API takes it; null removes it. */
export function showArea(path, area) {
  if (!area) return path.removeAttribute("d");
  path.setAttribute("d", outline(area.split(";").map((corner) => corner.split(",")).map(([x, y]) => [x, 1 - y])));
}

const outline = (corners) => `M${corners.map((corner) => corner.join(" ")).join("L")}Z`;

function extent(corners, axis) {
  const values = corners.map((corner) => corner[axis]);
  return Math.max(...values) - Math.min(...values);
}

function written(corners) {
  const every = Math.ceil(corners.length / MOST_CORNERS);
  const kept = corners.filter((_, index) => index % every === 0);
  while (kept.length < 3) kept.push(corners.at(-1));
  return kept.map(([x, y]) => `${x.toFixed(4)},${(1 - y).toFixed(4)}`).join(";");
}
