// The picture, and what is drawn over it: things, closer looks, the chosen box.

import { areas, drawing } from "./areas.js";
import { $, drawn } from "./dom.js";
import { isWhole, page, sides } from "./state.js";
import { percent, said } from "./words.js";

export async function show(blob) {
  const old = page.url;
  page.url = URL.createObjectURL(blob);
  $("picture").src = page.url;
  await $("picture").decode().catch(() => null);
  if (old) URL.revokeObjectURL(old);
}

export function head(name) {
  if (!page.heads.includes(name)) page.heads.push(name);
  return `h${page.heads.indexOf(name) % 8}`;
}

export function things(told) {
  // The tags of each box, the best first.
  const found = new Map();
  for (const tag of told.tags) {
    if (isWhole(tag, told.size)) continue;
    const key = tag.box.join();
    found.set(key, [...(found.get(key) ?? []), tag]);
  }
  const area = ([tag]) => (tag.box[2] - tag.box[0]) * (tag.box[3] - tag.box[1]);
  return [...found.values()].sort((a, b) => area(b) - area(a));
}

export const scale = () => page.frame.size[0] / Math.max(1, $("stage").clientWidth); // frame pixels a page pixel

export function overlay() {
  const told = page.frame;
  if (!told) return;
  const [width, height] = told.size;
  const nodes = $("with-areas").checked ? areas() : [];
  if ($("with-looks").checked) {
    nodes.push(...told.skipped.map((one) => drawn("rect", { class: "skipped", ...sides(one.box) })));
    nodes.push(...told.looks.map((one) => drawn("rect", { class: "look", "data-why": one.why, ...sides(one.box) })));
  }
  if ($("with-boxes").checked) {
    const found = things(told);
    nodes.push(...found.map(boxed), ...labelled(found));
  }
  if (page.box) nodes.push(chosen());
  if (page.area) nodes.push(...drawing());
  $("overlay").setAttribute("viewBox", `0 0 ${width} ${height}`);
  $("stage").style.aspectRatio = `${width} / ${height}`; // also while there is no picture
  $("overlay").style.setProperty("--px", scale()); // frame pixels a page pixel: corners and names
  $("overlay").replaceChildren(...nodes);
  const spent = told.spent;
  const budget = told.budget_ms == null ? "" : ` of ${Math.round(told.budget_ms)}`;
  $("caption").textContent =
    `${told.source} #${told.frame}, ${Math.round(spent.total_ms)}${budget} ms, ${spent.crops} closer looks, ${percent(told.coverage)} seen`;
}

function boxed([tag]) {
  const rect = drawn("rect", { class: `thing ${head(tag.head)}`, "data-box": tag.box.join(), ...sides(tag.box) });
  const button = { tabindex: 0, role: "button", "aria-label": `choose ${said(tag)}` };
  if (page.frozen) for (const [key, value] of Object.entries(button)) rect.setAttribute(key, value);
  return rect;
}

function labelled(found) {
  // The best first; a label on another one would hide both.
  const size = 13 * scale(), taken = [], nodes = [];
  for (const [tag] of [...found].sort((a, b) => b[0].score - a[0].score)) {
    const wide = said(tag).length * size * 0.68;
    const x = Math.max(0, Math.min(tag.box[0] + size * 0.2, page.frame.size[0] - wide));
    const y = tag.box[1] > size * 1.4 ? tag.box[1] - size * 0.4 : Math.min(tag.box[3] - size * 0.4, tag.box[1] + size * 1.2);
    if (taken.some((other) => Math.abs(other.y - y) < size && x < other.x + other.wide && other.x < x + wide)) continue;
    taken.push({ x, y, wide });
    nodes.push(drawn("text", { x, y, "font-size": size, "stroke-width": size / 4 }, said(tag)));
  }
  return nodes;
}

function chosen() {
  const [x0, y0, x1, y1] = page.box;
  const label = `chosen box, ${x1 - x0} by ${y1 - y0} pixels at ${x0}, ${y0}`;
  return drawn("rect", { class: "chosen", tabindex: 0, role: "img", "aria-label": label, ...sides(page.box) });
}
