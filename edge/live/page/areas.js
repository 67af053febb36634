// Areas over the picture: what the config file has, and one that is being drawn.

import { drawn } from "./dom.js";
import { page } from "./state.js";

export const own = () => page.health?.cameras.find((one) => one.name === page.camera)?.areas ?? { zones: {}, ignore: [], privacy: [] };

export function areas() {
  const found = own();
  const zones = Object.entries(found.zones).map(([name, corners]) => shape("zone", corners, name));
  return [...zones, ...found.ignore.map((one) => shape("ignored", one)), ...found.privacy.map((one) => shape("private", one))].flat();
}

function shape(kind, corners, name) {
  const placed = corners.map(([x, y]) => [x * page.frame.size[0], y * page.frame.size[1]]);
  const nodes = [drawn("polygon", { class: `area ${kind}`, points: placed.join(" ") })];
  if (name === undefined) return nodes;
  const [x, y] = [0, 1].map((n) => placed.reduce((sum, corner) => sum + corner[n], 0) / placed.length);
  return [...nodes, drawn("text", { x, y, class: "area-name" }, name)];
}

export function drawing() {
  // Corners that were set, and the cross that keys move.
  const { corners, at } = page.area;
  const label = `corner at ${at.join(", ")}: arrows move it, Space sets it`;
  return [
    drawn("polygon", { class: "area drawn", points: corners.join(" ") }),
    ...corners.map(([cx, cy]) => drawn("circle", { class: "corner", cx, cy })),
    drawn("circle", { class: "cross", cx: at[0], cy: at[1], tabindex: 0, role: "button", "aria-label": label }),
  ];
}
