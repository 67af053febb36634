// A box is dragged, or chosen, with a pointer or with keys.

import { nudge as nudgeCorner, set, takeBack } from "./area.js";
import { $, say } from "./dom.js";
import { choose, freeze, live, nudge } from "./frozen.js";
import { scale, things } from "./overlay.js";
import { page } from "./state.js";

function at(event) {
  const place = $("overlay").getBoundingClientRect();
  const [width, height] = page.frame.size;
  return [((event.clientX - place.left) / place.width) * width, ((event.clientY - place.top) / place.height) * height];
}

function boxAt([x, y]) {
  const found = things(page.frame).filter(([tag]) => tag.box[0] <= x && x < tag.box[2] && tag.box[1] <= y && y < tag.box[3]);
  return found.at(-1)?.[0].box; // the smallest
}

export function press(event) {
  if (!page.frame || event.button !== 0) return;
  event.preventDefault();
  if (page.area) return set(at(event));
  if (page.health?.can?.enrol === false) return;
  $("overlay").setPointerCapture(event.pointerId);
  page.drag = { from: at(event), to: at(event), still: page.frozen ? Promise.resolve() : freeze() };
  page.drag.still.catch((error) => say(error.message, true));
}

export function move(event) {
  if (!page.drag) return;
  page.drag.to = at(event);
  if (page.frozen) choose(dragged(page.drag), false);
}

function dragged({ from, to }) {
  return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
}

export async function release() {
  const drag = page.drag;
  page.drag = null;
  if (!drag) return;
  await drag.still.catch(() => null);
  if (!page.frozen) return;
  const isClick = Math.hypot(drag.to[0] - drag.from[0], drag.to[1] - drag.from[1]) < 8 * scale();
  const box = isClick ? boxAt(drag.to) : dragged(drag);
  if (box) choose(box, false);
  if (page.box) $("name").focus({ preventScroll: true });
}

export function keys(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && page.frozen) return live();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (page.area) return corner(event);
  const box = event.target.dataset?.box;
  if (box && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(box.split(",").map(Number));
  } else if (event.target.matches(".chosen") && event.key.startsWith("Arrow")) {
    event.preventDefault();
    nudge(event.key, event.shiftKey);
  } else if (event.key === "f") $("freeze").click();
  else if (event.key === "c") $("capture").click();
  else if (event.key === "z") $("draw").click();
}

function corner(event) {
  const isCross = event.target.matches(".cross");
  if (event.key === "Backspace") takeBack();
  else if (isCross && event.key.startsWith("Arrow")) nudgeCorner(event.key, event.shiftKey);
  else if (isCross && (event.key === " " || event.key === "Enter")) set(page.area.at);
  else return;
  event.preventDefault();
}
