// A picture that stands still, a box on it, and the thing in that box enrolled.

import { $, say } from "./dom.js";
import { overlay, show } from "./overlay.js";
import { post } from "./requests.js";
import { page, sides } from "./state.js";
import { status } from "./status.js";
import { tags } from "./tags.js";
import { percent } from "./words.js";

export async function freeze() {
  const told = await post("/freeze", { camera: page.camera });
  const picture = await fetch(`/frozen.jpg?frozen=${told.frozen}`);
  if (!picture.ok) throw new Error("the picture is gone");
  page.frozen = told.frozen;
  page.frame = told;
  await show(await picture.blob());
  $("freeze").setAttribute("aria-pressed", "true");
  $("enrol").hidden = page.health?.can?.enrol === false;
  overlay();
  tags();
  status();
}

export function live() {
  page.frozen = page.box = page.drag = page.area = null;
  for (const id of ["freeze", "draw"]) $(id).setAttribute("aria-pressed", "false");
  $("enrol").hidden = $("area").hidden = true;
  $("enrol").reset();
  overlay();
  status();
}

export function choose(box, isFocused = true) {
  const [width, height] = page.frame.size;
  const [x0, y0, x1, y1] = box.map(Math.round);
  page.box = [Math.max(0, Math.min(x0, width - 8)), Math.max(0, Math.min(y0, height - 8)), Math.min(width, x1), Math.min(height, y1)];
  page.box[2] = Math.max(page.box[2], page.box[0] + 8);
  page.box[3] = Math.max(page.box[3], page.box[1] + 8);
  overlay();
  preview();
  if (isFocused) $("overlay").querySelector(".chosen")?.focus({ preventScroll: true });
}

function preview() {
  const picture = $("picture"), canvas = $("crop"), context = canvas.getContext("2d");
  const zoom = picture.naturalWidth / page.frame.size[0];
  const [x, y, wide, tall] = Object.values(sides(page.box)).map((value) => value * zoom);
  const fit = canvas.width / Math.max(wide, tall);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, x, y, wide, tall, (canvas.width - wide * fit) / 2, (canvas.height - tall * fit) / 2, wide * fit, tall * fit);
}

export function nudge(key, isResizing) {
  const step = Math.max(1, Math.round(page.frame.size[0] / 200));
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  const [x0, y0, x1, y1] = page.box;
  if (isResizing) return choose([x0, y0, x1 + dx, y1 + dy]);
  const [width, height] = page.frame.size;
  const [x, y] = [Math.max(0, Math.min(x0 + dx, width - x1 + x0)), Math.max(0, Math.min(y0 + dy, height - y1 + y0))];
  choose([x, y, x + x1 - x0, y + y1 - y0]);
}

export async function enrol(event) {
  event.preventDefault();
  if (!page.box) return say("Choose a box first: drag one around the thing.", true);
  const told = await post("/enrol", { frozen: page.frozen, box: page.box, name: $("name").value });
  const again = told.recalled == null ? "" : `, known again: ${percent(told.recalled)}`;
  const more = told.examples < 5 ? "\nFive pictures are good: enrol it from other sides, too." : "";
  say(`${told.name}: ${told.examples} ${told.examples === 1 ? "picture" : "pictures"}${again}. The tagger knows it now.${more}`);
  live();
}
