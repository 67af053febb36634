// What /happening tells, handed on to what draws it.

import { $, made } from "./dom.js";
import { events, health } from "./health.js";
import { overlay, show } from "./overlay.js";
import { plots } from "./plots.js";
import { page } from "./state.js";
import { LATE_MS, status } from "./status.js";
import { tags } from "./tags.js";

const KEPT = 240; // points of a plot
const LISTED_MS = 500; // between two lists of tags: faster cannot be read

export function open() {
  clearTimeout(page.timer);
  page.stream?.close();
  page.heardMs = Date.now();
  const stream = (page.stream = new EventSource(`/happening?camera=${encodeURIComponent(page.camera)}`));
  const on = (kind, does) =>
    stream.addEventListener(kind, (event) => {
      page.heardMs = Date.now();
      does(JSON.parse(event.data));
      status();
    });
  on("hello", hello);
  on("frame", frame);
  on("events", events);
  on("health", health);
  stream.onerror = () => stream.readyState === EventSource.CLOSED && again();
}

async function again() {
  // The browser gave up: a token is needed, too many pages are open, or nobody is there.
  page.retryMs = Math.min(page.retryMs * 2, 30000);
  page.timer = setTimeout(open, page.retryMs);
  page.heardMs = 0;
  status();
  const answer = await fetch("/live.svg", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) location.reload();
}

function hello(told) {
  page.retryMs = 1000;
  if (page.frame && page.frame.camera !== told.camera) blank();
  page.camera = told.camera;
  page.cameras = told.cameras;
  page.points = told.points;
  $("events").replaceChildren(made("li", { className: "none", textContent: "nothing yet" }));
  plots();
}

function blank() {
  // Another camera, which may give nothing: what the last one showed is none of its own.
  page.frame = null;
  $("picture").removeAttribute("src");
  for (const id of ["overlay", "tags", "caption"]) $(id).replaceChildren();
}

async function frame(told) {
  if (told.camera !== page.camera) return;
  page.points.push({
    total_ms: told.spent.total_ms, engine_ms: told.spent.engine_ms, age_ms: told.age_ms,
    looks: told.spent.crops, budget_ms: told.budget_ms ?? undefined,
    shed: Object.values(told.shed).reduce((sum, n) => sum + n, 0),
  });
  if (page.points.length > KEPT) page.points.shift();
  if (page.frozen) return;
  const { jpeg, ...rest } = told;
  page.frame = rest;
  if (jpeg) await show(new Blob([Uint8Array.from(atob(jpeg), (c) => c.charCodeAt(0))], { type: "image/jpeg" }));
  if (page.frozen || page.frame !== rest) return;
  overlay();
  if (Date.now() - page.listedMs < LISTED_MS) return;
  page.listedMs = Date.now();
  tags();
  plots();
}
