// What is told by /happening, drawn; and what is done here, asked for. The page begins with this.

import { begin, copy, told } from "./area.js";
import { $ } from "./dom.js";
import { enrol, freeze, live } from "./frozen.js";
import { overlay } from "./overlay.js";
import { keys, move, press, release } from "./pointer.js";
import { attempt, capture, reload } from "./requests.js";
import { page } from "./state.js";
import { LATE_MS, status } from "./status.js";
import { open } from "./stream.js";

$("freeze").addEventListener("click", () => attempt($("freeze"), async () => (page.frozen ? live() : freeze())));
$("capture").addEventListener("click", () => attempt($("capture"), capture));
$("reload").addEventListener("click", () => attempt($("reload"), reload));
$("draw").addEventListener("click", () => attempt($("draw"), async () => (page.area ? live() : begin())));
for (const id of ["back", "area-back"]) $(id).addEventListener("click", live);
for (const id of ["area-kind", "area-name"]) $(id).addEventListener("input", told);
$("area").addEventListener("submit", copy);
$("enrol").addEventListener("submit", (event) => attempt($("enrol").querySelector(".first"), () => enrol(event)));
for (const id of ["with-boxes", "with-looks", "with-areas"]) $(id).addEventListener("change", overlay);
$("camera").addEventListener("change", () => {
  page.camera = $("camera").value;
  remember();
  if (page.frozen) live();
  open();
});
$("overlay").addEventListener("pointerdown", press);
$("overlay").addEventListener("pointermove", move);
$("overlay").addEventListener("pointerup", release);
$("overlay").addEventListener("pointercancel", () => (page.drag = null));
document.addEventListener("keydown", keys);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) page.stream?.close(); // nobody looks: the device need not draw
  else open();
});
addEventListener("resize", overlay);
setInterval(() => {
  if (document.hidden) return;
  status();
  if (Date.now() - page.heardMs > 3 * LATE_MS && page.stream?.readyState === EventSource.OPEN) open(); // a dead connection
}, 1000);
page.camera = new URLSearchParams(location.hash.slice(1)).get("camera") ?? ""; // a bookmark's
remember();
open();

function remember() {
  // A token in the address has done its work.
  history.replaceState(null, "", page.camera ? `/#camera=${encodeURIComponent(page.camera)}` : "/");
}
