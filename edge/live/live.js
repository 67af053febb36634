"use strict";
// What is told by /happening, drawn. Words of others (tags, names) are only ever set as text.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LATE_MS = 7000; // health comes every 2 s: nothing for so long, and the stream is lost
const KEPT = 240; // points of a plot
const LEAST = 60; // for which it has room
const LISTED_MS = 500; // between two lists of tags: faster cannot be read
const SAID = { new: "came", update: "changed", end: "went" };
const STATES = {
  live: "live", file: "playing", waiting: "waiting", connecting: "connecting", stale: "no new frames",
  lost: "camera lost", broken: "cannot be read", off: "off by schedule", away: "connection lost, trying again",
  frozen: "frozen", starting: "the run begins",
};

const page = {
  camera: "", stream: null, heardMs: 0, retryMs: 1000, timer: 0,
  points: [], frame: null, heads: [], health: null, listedMs: 0, url: "",
  frozen: null, box: null, drag: null,
};

function made(name, fields = {}, ...children) {
  const node = document.createElement(name);
  const { data = {}, ...rest } = fields;
  Object.assign(node, rest);
  Object.assign(node.dataset, data);
  node.append(...children);
  return node;
}

function drawn(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function say(text, bad = false) {
  const note = made("p", { className: bad ? "note bad" : "note", textContent: text });
  $("notes").append(note);
  while ($("notes").children.length > 3) $("notes").firstChild.remove();
  setTimeout(() => note.remove(), bad ? 15000 : 6000);
}

const percent = (share) => `${Math.round(share * 100)} %`;
const ms = (value) => (value < 100 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);
const ago = (s) => (s == null ? "-" : s < 90 ? `${s.toFixed(s < 10 ? 1 : 0)} s ago` : `${Math.round(s / 60)} min ago`);
const bytes = (n) => (n == null ? "?" : n < 2 ** 30 ? `${Math.round(n / 2 ** 20)} MB` : `${(n / 2 ** 30).toFixed(1)} GB`);

// What happens

function open() {
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
  page.camera = told.camera;
  page.points = told.points;
  $("events").replaceChildren(made("li", { className: "none", textContent: "nothing yet" }));
  plots();
}

async function frame(told) {
  if (told.camera !== page.camera) return;
  page.points.push({
    total_ms: told.spent.total_ms, engine_ms: told.spent.engine_ms, age_ms: told.age_ms,
    looks: told.spent.glances + told.spent.crops, budget_ms: told.budget_ms ?? undefined,
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

async function show(blob) {
  const old = page.url;
  page.url = URL.createObjectURL(blob);
  $("picture").src = page.url;
  await $("picture").decode().catch(() => null);
  if (old) URL.revokeObjectURL(old);
}

function events(told) {
  const many = (page.health?.cameras.length ?? 1) > 1;
  for (const one of told) {
    const words = one.before ? `${one.before} → ${one.label}` : one.label;
    const where = many ? `, ${one.camera}` : "";
    $("events").prepend(
      made("li", {},
        made("time", { textContent: new Date(one.time * 1000).toLocaleTimeString([], { hour12: false }) }),
        made("span", { data: { type: one.type }, textContent: one.why === "moved" ? "moved" : SAID[one.type] }),
        made("span", { className: "what", textContent: `${words} ${percent(one.score)}${where}` }),
      ),
    );
  }
  $("events").querySelector(".none")?.remove();
  while ($("events").children.length > 100) $("events").lastChild.remove();
}

function health(told) {
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

function status() {
  const own = page.health?.cameras.find((one) => one.name === page.camera);
  const isAway = Date.now() - page.heardMs > LATE_MS;
  const state = isAway ? "away" : page.frozen ? "frozen" : (own?.state ?? (page.health ? "starting" : "connecting"));
  const isDim = isAway || (!page.frozen && ["stale", "lost", "broken", "off"].includes(state));
  if ($("status").dataset.state !== state) {
    $("status").dataset.state = state;
    $("status").textContent = STATES[state];
    document.title = `${STATES[state]}: edge-tag`;
  }
  $("stage").toggleAttribute("data-dim", isDim);
  $("banner").hidden = !isDim;
  const last = own?.since_s == null ? "" : `, last frame ${ago(own.since_s)}`;
  $("banner").textContent = isDim ? `${STATES[state]}${isAway ? "" : last}${own?.error ? `: ${own.error}` : ""}` : "";
}

// What is drawn

function head(name) {
  if (!page.heads.includes(name)) page.heads.push(name);
  return `h${page.heads.indexOf(name) % 8}`;
}

function isWhole(tag, size) {
  return tag.box[0] === 0 && tag.box[1] === 0 && tag.box[2] === size[0] && tag.box[3] === size[1];
}

function things(told) {
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

const sides = ([x0, y0, x1, y1]) => ({ x: x0, y: y0, width: Math.max(1, x1 - x0), height: Math.max(1, y1 - y0) });
const scale = () => page.frame.size[0] / Math.max(1, $("stage").clientWidth); // frame pixels a page pixel

function overlay() {
  const told = page.frame;
  if (!told) return;
  const [width, height] = told.size;
  const nodes = [];
  if ($("with-looks").checked) {
    nodes.push(...told.skipped.map((one) => drawn("rect", { class: "skipped", ...sides(one.box) })));
    nodes.push(...told.looks.map((one) => drawn("rect", { class: "look", "data-why": one.why, ...sides(one.box) })));
  }
  if ($("with-boxes").checked) {
    const found = things(told);
    nodes.push(...found.map(boxed), ...labelled(found));
  }
  if (page.box) nodes.push(chosen());
  $("overlay").setAttribute("viewBox", `0 0 ${width} ${height}`);
  $("overlay").replaceChildren(...nodes);
  const spent = told.spent;
  const budget = told.budget_ms == null ? "" : ` of ${Math.round(told.budget_ms)}`;
  $("caption").textContent =
    `${told.source} #${told.frame}, ${Math.round(spent.total_ms)}${budget} ms, ${spent.crops} closer looks, ${percent(told.coverage)} seen`;
}

const said = (tag) => `${tag.tag} ${percent(tag.score)}`;

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
    const wide = said(tag).length * size * 0.62;
    const x = Math.max(0, Math.min(tag.box[0] + size * 0.2, page.frame.size[0] - wide));
    const y = tag.box[1] > size * 1.4 ? tag.box[1] - size * 0.4 : Math.min(tag.box[3] - size * 0.4, tag.box[1] + size * 1.2);
    if (taken.some((other) => Math.abs(other.y - y) < size && x < other.x + other.wide && other.x < x + wide)) continue;
    taken.push({ x, y, wide });
    nodes.push(drawn("text", { x, y, "font-size": size, "stroke-width": size / 4 }, said(tag)));
  }
  return nodes;
}

function tags() {
  const told = page.frame;
  $("tags").replaceChildren(
    ...told.tags.slice(0, 60).map((tag) => {
      const about = [tag.head, tag.group, tag.state, `${tag.looks} ${tag.looks === 1 ? "look" : "looks"}`, isWhole(tag, told.size) ? "whole frame" : "", tag.colour, ...(tag.attributes ?? []).map((one) => one.tag), ...(tag.zones ?? [])];
      const length = tag.length_cm == null ? "" : ` ${tag.length_cm.toFixed(1)} ± ${tag.length_sd_cm.toFixed(1)} cm`;
      return made("li", { className: head(tag.head) },
        made("span", { className: "word", textContent: `${tag.tag}${length}` }),
        made("meter", { value: tag.score, max: 1, ariaLabel: "score" }),
        made("span", { className: "score", textContent: percent(tag.score) }),
        made("span", { className: "more", textContent: about.filter(Boolean).join(", ") }),
      );
    }),
  );
  if (!told.tags.length) $("tags").append(made("li", { className: "none", textContent: "none" }));
}

function plots() {
  const points = page.points;
  if (!points.length) return;
  const of = (key) => points.map((p) => p[key] ?? 0);
  const total = of("total_ms"), engine = of("engine_ms"), budget = of("budget_ms"), looks = of("looks"), age = of("age_ms");
  plot("plot-total", Math.max(...total, ...budget), { area: engine, line: total, limit: budget.some(Boolean) ? budget : null });
  const sum = looks.map((n, i) => n + (points[i].shed ?? 0));
  plot("plot-looks", Math.max(...sum), { over: [sum, looks], area: looks });
  plot("plot-age", Math.max(...age), { line: age });
  const last = points.at(-1);
  const limit = last.budget_ms ? ` of ${ms(last.budget_ms)}` : "";
  $("total").textContent = `${ms(last.total_ms)}${limit}, ${percent(last.engine_ms / Math.max(last.total_ms, 1e-9))} in the engine; middle ${ms(quantile(total, 0.5))}, 95 % ${ms(quantile(total, 0.95))}`;
  $("looks").textContent = `${last.looks} made, ${last.shed} left out`;
  $("age").textContent = `${ms(last.age_ms)}; middle ${ms(quantile(age, 0.5))}, 95 % ${ms(quantile(age, 0.95))}`;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function plot(id, most, { line, area, over, limit }) {
  const top = Math.max(most, 1e-9) * 1.08;
  const count = (area ?? line).length, room = Math.max(LEAST, count);
  const x = (n) => ((room - count + n) / (room - 1)) * 300;
  const y = (value) => 70 - (value / top) * 68;
  const path = (values) => values.map((value, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const back = (values) => values.map((value, n) => `L${x(n).toFixed(1)} ${y(value).toFixed(1)}`).reverse().join("");
  const shapes = [];
  if (over) shapes.push(["over", `${path(over[0])}${back(over[1])}Z`]);
  if (area) shapes.push(["area", `${path(area)}${back(area.map(() => 0))}Z`]);
  if (line) shapes.push(["line", path(line)]);
  if (limit) shapes.push(["limit", path(limit)]);
  $(id).setAttribute("viewBox", "0 0 300 71");
  $(id).setAttribute("preserveAspectRatio", "none");
  $(id).replaceChildren(...shapes.map(([name, d]) => drawn("path", { class: name, d })));
}

// What can be done

async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Edge-Tag": "1" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
  if (!answer) throw new Error("nobody answers");
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([told.error ?? `error ${answer.status}`, ...(told.also ?? [])].join("\n") + (told.fix ? `\n${told.fix}` : ""));
  return told;
}

async function attempt(button, does) {
  button.disabled = true;
  try {
    await does();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

async function freeze() {
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

function live() {
  page.frozen = page.box = page.drag = null;
  $("freeze").setAttribute("aria-pressed", "false");
  $("enrol").hidden = true;
  $("enrol").reset();
  overlay();
  status();
}

function choose(box, isFocused = true) {
  const [width, height] = page.frame.size;
  const [x0, y0, x1, y1] = box.map(Math.round);
  page.box = [Math.max(0, Math.min(x0, width - 8)), Math.max(0, Math.min(y0, height - 8)), Math.min(width, x1), Math.min(height, y1)];
  page.box[2] = Math.max(page.box[2], page.box[0] + 8);
  page.box[3] = Math.max(page.box[3], page.box[1] + 8);
  overlay();
  preview();
  if (isFocused) $("overlay").querySelector(".chosen")?.focus({ preventScroll: true });
}

function chosen() {
  const [x0, y0, x1, y1] = page.box;
  const label = `chosen box, ${x1 - x0} by ${y1 - y0} pixels at ${x0}, ${y0}`;
  return drawn("rect", { class: "chosen", tabindex: 0, role: "img", "aria-label": label, ...sides(page.box) });
}

function preview() {
  const picture = $("picture"), canvas = $("crop"), context = canvas.getContext("2d");
  const zoom = picture.naturalWidth / page.frame.size[0];
  const [x, y, wide, tall] = Object.values(sides(page.box)).map((value) => value * zoom);
  const fit = canvas.width / Math.max(wide, tall);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, x, y, wide, tall, (canvas.width - wide * fit) / 2, (canvas.height - tall * fit) / 2, wide * fit, tall * fit);
}

function at(event) {
  const place = $("overlay").getBoundingClientRect();
  const [width, height] = page.frame.size;
  return [((event.clientX - place.left) / place.width) * width, ((event.clientY - place.top) / place.height) * height];
}

function boxAt([x, y]) {
  const found = things(page.frame).filter(([tag]) => tag.box[0] <= x && x < tag.box[2] && tag.box[1] <= y && y < tag.box[3]);
  return found.at(-1)?.[0].box; // the smallest
}

function press(event) {
  if (!page.frame || event.button !== 0 || page.health?.can?.enrol === false) return;
  event.preventDefault();
  $("overlay").setPointerCapture(event.pointerId);
  page.drag = { from: at(event), to: at(event), still: page.frozen ? Promise.resolve() : freeze() };
  page.drag.still.catch((error) => say(error.message, true));
}

function move(event) {
  if (!page.drag) return;
  page.drag.to = at(event);
  if (page.frozen) choose(dragged(page.drag), false);
}

function dragged({ from, to }) {
  return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
}

async function release() {
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

async function enrol(event) {
  event.preventDefault();
  if (!page.box) return say("Choose a box first: drag one around the thing.", true);
  const told = await post("/enrol", { frozen: page.frozen, box: page.box, name: $("name").value });
  const again = told.recalled == null ? "" : `, known again: ${percent(told.recalled)}`;
  const more = told.examples < 5 ? "\nFive pictures are good: enrol it from other sides, too." : "";
  say(`${told.name}: ${told.examples} ${told.examples === 1 ? "picture" : "pictures"}${again}. The tagger knows it now.${more}`);
  live();
}

async function capture() {
  const told = await post("/capture", { camera: page.camera, frozen: page.frozen });
  say(told.kept ? `Kept: ${told.pictures} pictures in ${told.folder}` : "Not kept: it looks like the last one that was.");
}

async function reload() {
  const told = await post("/reload", {});
  if (!told.reloaded) return say(`Not reloaded, everything stays as it was:\n${told.wrong.join("\n")}`, true);
  say(told.late.length ? `Reloaded. Needs a restart to count: ${told.late.join(", ")}` : "Reloaded.");
}

function keys(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && page.frozen) return live();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.dataset?.box;
  if (box && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(box.split(",").map(Number));
  } else if (event.target.matches(".chosen") && event.key.startsWith("Arrow")) {
    event.preventDefault();
    nudge(event.key, event.shiftKey);
  } else if (event.key === "f") $("freeze").click();
  else if (event.key === "c") $("capture").click();
}

function nudge(key, isResizing) {
  const step = Math.max(1, Math.round(page.frame.size[0] / 200));
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  const [x0, y0, x1, y1] = page.box;
  choose(isResizing ? [x0, y0, x1 + dx, y1 + dy] : [x0 + dx, y0 + dy, x1 + dx, y1 + dy]);
}

$("freeze").addEventListener("click", () => attempt($("freeze"), async () => (page.frozen ? live() : freeze())));
$("capture").addEventListener("click", () => attempt($("capture"), capture));
$("reload").addEventListener("click", () => attempt($("reload"), reload));
$("back").addEventListener("click", live);
$("enrol").addEventListener("submit", (event) => attempt($("enrol").querySelector(".first"), () => enrol(event)));
for (const id of ["with-boxes", "with-looks"]) $(id).addEventListener("change", overlay);
$("camera").addEventListener("change", () => {
  page.camera = $("camera").value;
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
history.replaceState(null, "", "/"); // a token in the address has done its work
open();
