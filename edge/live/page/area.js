// A zone, or an area that is ignored or black: its corners set on the picture, its line for the config file.

import { own } from "./areas.js";
import { $, say } from "./dom.js";
import { freeze } from "./frozen.js";
import { overlay } from "./overlay.js";
import { page } from "./state.js";

const LEAST = 3; // corners

export async function begin() {
  if (!page.frozen) await freeze();
  page.box = null;
  page.area = { corners: [], at: page.frame.size.map((side) => Math.round(side / 2)) };
  $("draw").setAttribute("aria-pressed", "true");
  $("enrol").hidden = true;
  $("area").hidden = false;
  told();
}

export function set(at) {
  page.area.corners.push(at.map((value, n) => Math.min(Math.max(Math.round(value), 0), page.frame.size[n])));
  page.area.at = page.area.corners.at(-1);
  told();
}

export function takeBack() {
  page.area.corners.pop();
  told();
}

export function nudge(key, isQuick) {
  const step = Math.max(1, Math.round(page.frame.size[0] / (isQuick ? 20 : 200)));
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  const [x, y] = page.area.at;
  page.area.at = [Math.min(Math.max(x + dx, 0), page.frame.size[0]), Math.min(Math.max(y + dy, 0), page.frame.size[1])];
  told();
}

export function told() {
  const { corners } = page.area, kind = $("area-kind").value;
  $("area-named").hidden = kind !== "zones";
  $("area-copy").disabled = corners.length < LEAST;
  $("area-toml").textContent = corners.length < LEAST ? `corners: ${corners.length}, ${LEAST} are needed` : line(kind, corners);
  const isByKeys = document.activeElement.matches(".cross");
  overlay();
  if (isByKeys) $("overlay").querySelector(".cross").focus({ preventScroll: true }); // which is another one now
}

function line(kind, corners) {
  const polygon = `[${corners.map((corner) => `[${corner.map((value, n) => +(value / page.frame.size[n]).toFixed(3)).join(", ")}]`).join(", ")}]`;
  const name = $("area-name").value.trim().replace(/[^\w.-]+/g, "-") || "zone"; // as the file takes it
  const key = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
  const others = kind === "zones" ? [] : own()[kind].map((one) => JSON.stringify(one));
  const value = kind === "zones" ? `zones.${key} = ${polygon}` : `${kind} = [${[...others, polygon].join(", ")}]`;
  return `# under [[cameras]], name = ${JSON.stringify(page.camera)}\n${value}`;
}

export async function copy(event) {
  event.preventDefault();
  getSelection().selectAllChildren($("area-toml")); // where a page may not copy, its reader can
  const isDone = await navigator.clipboard?.writeText($("area-toml").textContent).then(() => true, () => false);
  const reload = page.health?.can?.reload ? " Then: Reload config." : "";
  say(`${isDone ? "Copied" : "Copy what is marked"}: it belongs into the config file.${reload}`);
}
