// How cameras, targets and the device are doing, and what came and went.

import { $, made } from "./dom.js";
import { page } from "./state.js";
import { SAID, STATES, ago, bytes, percent } from "./words.js";

export function events(told) {
  const many = page.cameras.length > 1; // health may come after the first ones
  for (const one of told) {
    const words = one.before ? `${one.before} → ${one.label}` : one.label;
    const where = many ? `, ${one.camera}` : "";
    // What went is told later than it was last seen: the list is by when that was.
    const before = [...$("events").children].find((li) => Number(li.dataset.time) <= one.time);
    $("events").insertBefore(
      made("li", { data: { time: one.time } },
        made("time", { textContent: new Date(one.time * 1000).toLocaleTimeString([], { hour12: false }) }),
        made("span", { data: { type: one.type }, textContent: one.why === "moved" ? "moved" : SAID[one.type] }),
        made("span", { className: "what", textContent: `${words} ${percent(one.score)}${where}` }),
      ),
      before ?? null,
    );
  }
  $("events").querySelector(".none")?.remove();
  while ($("events").children.length > 100) $("events").lastChild.remove();
}

export function health(told) {
  page.health = told;
  const names = told.cameras.map((one) => one.name);
  if (names.join("\n") !== [...$("camera").options].map((o) => o.value).join("\n")) {
    $("camera").replaceChildren(...names.map((name) => made("option", { value: name, textContent: name })));
    $("chooser").hidden = names.length < 2;
  }
  $("camera").value = page.camera;
  rows("cameras", told.cameras.map((one) => [one, STATES[one.state], ago(one.since_s), one.tagged ?? "", one.failed ?? ""]));
  rows("sinks", told.sinks.map((one) => [one, one.state, one.owed ?? 0, one.sent, one.dropped + (one.refused ?? 0)]));
  $("sinks").hidden = !told.sinks.length;
  $("about").textContent = told.bundle ? `${told.bundle}, ${told.engine}` : "";
  const device = told.device;
  if (device) {
    const held = device.held.length ? `held back: ${device.held.join(", ")}; ${percent(device.budget)} of the budget. ` : "";
    $("device").textContent = `${held}Memory ${bytes(device.memory_bytes)}, free on the disk ${bytes(device.free_bytes)}.`;
  }
  if (told.can?.heads) page.heads = told.can.heads; // each has its colour, on every page
  $("reload").hidden = !told.can?.reload;
  $("known").replaceChildren(...(told.can?.enrolled ?? []).map((value) => made("option", { value })));
}

function rows(id, found) {
  $(id).tBodies[0].replaceChildren(
    ...found.map(([one, state, ...cells]) =>
      made("tr", {},
        made("td", { textContent: one.name }, ...(one.error ? [made("small", { textContent: one.error })] : [])),
        made("td", { textContent: state, data: { state: one.state } }),
        ...cells.map((cell) => made("td", { textContent: cell })),
      ),
    ),
  );
}
