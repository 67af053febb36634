// Whether the camera is live, and what is wrong where it is not.

import { $ } from "./dom.js";
import { page } from "./state.js";
import { STATES, ago } from "./words.js";

export const LATE_MS = 7000; // health comes every 2 s: nothing for so long, and the stream is lost

export function status() {
  const own = page.health?.cameras.find((one) => one.name === page.camera);
  const isAway = Date.now() - page.heardMs > LATE_MS;
  const state = isAway ? "away" : page.frozen ? "frozen" : (own?.state ?? (page.health ? "starting" : "connecting"));
  const isDim = isAway || (!page.frozen && ["stale", "lost", "broken", "off"].includes(state));
  if ($("status").dataset.state !== state) {
    $("status").dataset.state = state;
    $("status").textContent = STATES[state];
    document.title = `${STATES[state]}: edge-tag`;
  }
  for (const id of ["stage", "tags"]) $(id).toggleAttribute("data-dim", isDim); // they are old
  $("banner").hidden = !isDim;
  const last = own?.since_s == null ? "" : `, last frame ${ago(own.since_s)}`;
  $("banner").textContent = isDim ? `${STATES[state]}${isAway ? "" : last}${own?.error ? `: ${own.error}` : ""}` : "";
}
