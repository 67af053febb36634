"""How well fish are measured, by how they lie: `python -m benchmarks.length`.

Frames of one rendered fish of known length on a ground (calib_data/measured.py): straight, bent,
rotated, with a deeply forked tail, and under another fish. Both ways: along the midline, and by the
regressor on the mask's shape; `given` is what edge-tag says, with the outline of the bundle that
ships, with another one (--outline DIR) or by colours alone (--colours). Writes
benchmarks/results/length.json, .md and .svg, and the README's table; with another outline, or none,
it writes nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.readme import put
from calib_data.measured import SHAPES, Posed, measured
from calib_data.stage import Scene
from edge.bundle import DEFAULT
from edge.length.measure import Look
from edge.length.outline import Outliner, open_outline
from edge.length.plane import FlatPlane
from edge.length.ruler import Ends, Measured, Ruler
from edge.records import Box

WAYS = {"given": "cm", "midline": "midline_cm", "shape": "shape_cm"}
NEAR = 0.3  # of a fish's box: so near its middle lies a look that is of it
TABLE = re.compile(r"^\| fish \| frames .*?(?=\n\n)", re.DOTALL | re.MULTILINE)
BUNDLED = DEFAULT / "outline"


class Tried(msgspec.Struct, frozen=True):
    """One fish, measured once."""

    shape: str
    seed: int
    tag: str
    true_cm: float
    found: dict[str, float]  # way -> cm; none: the fish was not found
    sd_cm: float
    is_occluded: bool
    ms: float


def tries(
    shape: str, frames: int, ends: Ends, outliner: Outliner | None, first: int = 0
) -> list[Tried]:
    """Frames of a shape, each measured as if it were its source's first."""
    return [_tried(shape, seed, ends, outliner) for seed in range(first, first + frames)]


def _tried(shape: str, seed: int, ends: Ends, outliner: Outliner | None) -> Tried:
    scene, made = measured(seed, shape)
    assert scene.mm_per_px is not None
    of, ids = Measured(), count(1)
    ruler = Ruler(FlatPlane(scene.mm_per_px), ends, outliner)
    begin = perf_counter()
    of.look(ruler, scene.pixels, 0.0, lambda: np.inf, lambda: next(ids))
    ms = (perf_counter() - begin) * 1e3
    look = _of_it([fish.looks[0] for fish in of.known], scene)
    true = (made.tips_mm if ends == "tips" else made.length_mm) / 10
    return _row(shape, seed, made, true, look, ms)


def _row(shape: str, seed: int, made: Posed, true: float, look: Look | None, ms: float) -> Tried:
    if look is None:
        return Tried(shape, seed, made.tag, true, {}, 0.0, False, ms)
    found = {way: float(getattr(look, field)) for way, field in WAYS.items()}
    return Tried(shape, seed, made.tag, true, found, look.sd_cm, look.is_occluded, ms)


def _of_it(looks: Sequence[Look], scene: Scene) -> Look | None:
    """The look whose middle is nearest to the fish's, if it is near."""
    box = scene.things[0].box
    side = max(box[2] - box[0], box[3] - box[1])
    near = [(_apart(look.box, box), look) for look in looks]
    best = min(near, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] < NEAR * side else None


def _apart(a: Box, b: Box) -> float:
    return float(np.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2)


def summary(rows: Sequence[Tried]) -> dict[str, Any]:
    """Errors in per cent, over the fish that were found."""
    found = [row for row in rows if row.found]
    errors = {
        way: np.array([100 * (row.found[way] / row.true_cm - 1) for row in found]) for way in WAYS
    }
    within = [abs(r.found["given"] - r.true_cm) <= 2 * r.sd_cm for r in found]
    return {
        "frames": len(rows),
        "found": len(found),
        "median": {way: float(np.median(abs(e))) for way, e in errors.items()},
        "mean": {way: float(abs(e).mean()) for way, e in errors.items()},
        "bias": {way: float(e.mean()) for way, e in errors.items()},
        "within 2 sd": float(np.mean(within)) if within else 0.0,
        "flagged": float(np.mean([row.is_occluded for row in found])) if found else 0.0,
        "ms": float(np.median([row.ms for row in rows])),
    }


def table(by_shape: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row a shape."""
    lines = [
        "| fish | frames (found) | given: median, mean % | midline % | shape % | within 2 sd "
        "| flagged |",
        "|---|---|---|---|---|---|---|",
    ]
    for shape, s in by_shape.items():
        ways = [f"{s['median'][way]:.2f}, {s['mean'][way]:.2f}" for way in WAYS]
        lines.append(
            f"| {shape} | {s['frames']} ({s['found']}) | {' | '.join(ways)} "
            f"| {s['within 2 sd']:.0%} | {s['flagged']:.0%} |"
        )
    return "\n".join(lines)


def plot(rows: Sequence[Tried]) -> str:
    """An SVG: the error of each fish, a column a shape."""
    wide, tall, most = 640, 260, 6.0
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}" '
             'font-family="sans-serif" font-size="12">']  # fmt: skip
    for level in (-5, 0, 5):
        y = _y(level, tall, most)
        parts.append(f'<path d="M50 {y:.1f}H{wide - 10}" stroke="#ccc"/>'
                     f'<text x="8" y="{y + 4:.1f}">{level:+d} %</text>')  # fmt: skip
    for n, shape in enumerate(SHAPES):
        x = 60 + n * (wide - 70) / len(SHAPES)
        parts.append(f'<text x="{x + 20:.0f}" y="{tall - 6}">{shape}</text>')
        for k, row in enumerate(r for r in rows if r.shape == shape and r.found):
            for way, colour, dx in (("midline", "#2563eb", 0), ("shape", "#f59e0b", 45)):
                off = float(np.clip(100 * (row.found[way] / row.true_cm - 1), -most, most))
                at = f'cx="{x + 8 + dx + 1.3 * (k % 24):.1f}" cy="{_y(off, tall, most):.1f}"'
                parts.append(f'<circle {at} r="2.5" fill="{colour}"/>')
    parts.append(
        '<text x="60" y="14" fill="#2563eb">along the midline</text>'
        '<text x="180" y="14" fill="#b45309">by the regressor; beyond 6 % at 6 %</text>'
    )
    return "".join([*parts, "</svg>\n"])


def _y(level: float, tall: int, most: float) -> float:
    return 24 + (tall - 54) * (0.5 - level / (2 * most))


def keep(rows: Sequence[Tried], said: dict[str, Any]) -> None:
    """The results, and the README's table."""
    told = table(said["by shape"])
    write_json(RESULTS / "length.json", {**said, "rows": msgspec.to_builtins(rows)})
    (RESULTS / "length.md").write_text(f"{told}\n\n![errors](length.svg)\n", "utf-8")
    (RESULTS / "length.svg").write_text(plot(rows), "utf-8")
    put(TABLE, told)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--frames", type=int, default=24, help="of each shape (default 24)")
    say.add_argument("--seed", type=int, default=1000, help="of the first (default 1000)")
    say.add_argument("--ends", choices=("tips", "fork"), default="tips", help="default tips")
    way = say.add_mutually_exclusive_group()
    way.add_argument("--outline", type=Path, metavar="DIR", default=BUNDLED, help="another outline")
    way.add_argument("--colours", action="store_true", help="no outline")
    args = say.parse_args(argv)
    on = machine()
    outliner = None if args.colours else open_outline(args.outline, threads=1)
    rows: list[Tried] = []
    for shape in SHAPES:
        rows += tries(shape, args.frames, args.ends, outliner, args.seed)
    by_shape = {s: summary([row for row in rows if row.shape == s]) for s in SHAPES}
    sys.stdout.write(table(by_shape) + "\n")
    if outliner is not None and args.outline == BUNDLED:
        keep(rows, {"machine": on, "ends": args.ends, "seed": args.seed, "by shape": by_shape})
    return 0


if __name__ == "__main__":
    sys.exit(main())
