"""The picture of the soaks: resident memory against frames."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from statistics import median
from typing import Any

from benchmarks.soak_watch import MOST_MB, WARM, warmed


def plot(runs: dict[str, Any]) -> str:
    """An SVG, a panel a run."""
    wide, tall = 640, 190
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall * len(runs)}" '
             'font-family="sans-serif" font-size="12">'
             f'<rect width="{wide}" height="{tall * len(runs)}" fill="#fff"/>']  # fmt: skip
    for n, (name, run) in enumerate(runs.items()):
        parts += _panel(name, run, wide, n * tall, tall)
    return "".join([*parts, "</svg>\n"])


def _panel(name: str, run: dict[str, Any], wide: int, top: int, tall: int) -> Iterator[str]:
    rows = [(s["frames"], s["rss_mb"]) for s in run["samples"]]
    last, found = rows[-1][0], run["grown"]
    first = warmed([frames for frames, _ in rows], WARM[name])
    begin = [mb for _, mb in rows[first : first + len(rows) // 10]] if found else []
    limit = median(begin or [mb for _, mb in rows]) + MOST_MB
    low = floor(min(mb for _, mb in rows))
    high = ceil(max(limit, *(mb for _, mb in rows)))

    def at(frames: float, mb: float) -> str:
        x, y = 70 + (wide - 90) * frames / last, 65 + (tall - 95) * (high - mb) / (high - low)
        return f"{x:.1f} {top + y - 30:.1f}"

    for level in (low, high):
        yield f'<path d="M{at(0, level)}L{at(last, level)}" stroke="#ddd"/>'
        yield f'<text x="8" y="{at(0, level).split()[1]}" dy="4">{level} MB</text>'
    says = f"{name}: too short to tell what grew"
    if found:
        dashed, warm = 'stroke-dasharray="4 3"', rows[first][0]
        yield f'<path d="M{at(warm, low)}L{at(warm, high)}" stroke="#999" {dashed}/>'
        yield f'<path d="M{at(warm, limit)}L{at(last, limit)}" stroke="#dc2626" {dashed}/>'
        says = (
            f"{name}: {found['rss_mb']:+.2f} MB after the warm-up (grey; red is what may be), "
            f"files {found['fds']:+g}, threads {found['threads']:+g}"
        )
    line = "L".join(at(*row) for row in rows)
    yield f'<path d="M{line}" fill="none" stroke="#2563eb" stroke-width="1.5"/>'
    yield f'<text x="70" y="{top + 18}">{says}</text>'
    yield f'<text x="{wide - 20}" y="{top + tall - 35}" text-anchor="end">{last:,} frames</text>'
