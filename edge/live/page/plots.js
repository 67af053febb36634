// Time and looks, frame by frame.

import { $, drawn } from "./dom.js";
import { page } from "./state.js";
import { ms, percent } from "./words.js";

const LEAST = 60; // points for which a plot has room

export function plots() {
  const points = page.points;
  if (!points.length) {
    for (const id of ["total", "looks", "age"]) $(id).textContent = "";
    for (const id of ["plot-total", "plot-looks", "plot-age"]) {
      $(id).replaceChildren();
      delete $(id).parentElement.dataset.most;
    }
    return;
  }
  const of = (key) => points.map((p) => p[key] ?? 0);
  const total = of("total_ms"), engine = of("engine_ms"), budget = of("budget_ms"), looks = of("looks"), age = of("age_ms");
  plot("plot-total", Math.max(...total, ...budget), ms, { area: engine, line: total, limit: budget.some(Boolean) ? budget : null });
  const sum = looks.map((n, i) => n + (points[i].shed ?? 0));
  plot("plot-looks", Math.max(...sum), String, { over: [sum, looks], area: looks });
  plot("plot-age", Math.max(...age), ms, { line: age });
  const last = points.at(-1);
  const limit = last.budget_ms ? ` of ${ms(last.budget_ms)}` : "";
  $("total").textContent = `${ms(last.total_ms)}${limit}, ${percent(last.engine_ms / Math.max(last.total_ms, 1e-9))} engine\n${spread(total)}`;
  $("looks").textContent = `${last.looks} made, ${last.shed} left out\nhalf ≤ ${quantile(looks, 0.5)}, 95 % ≤ ${quantile(looks, 0.95)}`;
  $("age").textContent = `${ms(last.age_ms)}\n${spread(age)}`;
}

const spread = (values) => `half ≤ ${ms(quantile(values, 0.5))}, 95 % ≤ ${ms(quantile(values, 0.95))}`;

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function plot(id, most, told, { line, area, over, limit }) {
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
  $(id).parentElement.dataset.most = told(most);
  $(id).setAttribute("viewBox", "0 0 300 71");
  $(id).setAttribute("preserveAspectRatio", "none");
  $(id).replaceChildren(...shapes.map(([name, d]) => drawn("path", { class: name, d })));
}
