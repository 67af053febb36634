"""Plots and pictures of the benchmarks, as files that stand alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from edge.records import U8, Box
from quantize.report.svg import clipped, drawing, element, line, round_up, text, ticks

COLOURS = {
    "ours": "#d1495b",
    "oracle": "#2b2d42",
    "sahi640": "#00798c",
    "sahi512": "#30a5b7",
    "sahi320": "#8ccfd9",
    "supervision": "#edae49",
    "random": "#9a9a9a",
    "frigate": "#7a9e3e",
    "full": "#6b4e9b",
}
SPARE = ("#1b998b", "#e36414", "#5f0f40", "#577590", "#b5838d", "#3a5a40")
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #222 }
.title { font-weight: 600; font-size: 13px }
.grid { stroke: #e3e3e3; stroke-width: 1 }
.axis { fill: #666; font-size: 10px }
polyline { fill: none; stroke-width: 1.8 }
@media (prefers-color-scheme: dark) {
  svg { background: #16181d } text { fill: #ddd } .axis { fill: #999 } .grid { stroke: #333 }
}
"""
Lines = Mapping[str, Sequence[tuple[float, float]]]  # name -> points (x, y)
PANEL = (330.0, 190.0)
MARGIN = (46.0, 26.0, 16.0, 34.0)  # left, top, right, bottom


def colour_of(name: str) -> str:
    """The same everywhere for the same name."""
    return COLOURS.get(name) or SPARE[sum(name.encode()) % len(SPARE)]


def panels(plots: Mapping[str, Lines], across: str, up: str, top: float | None = None) -> str:
    """Several plots of lines, two a row, with one legend. `top`: where every y axis ends."""
    names = list(dict.fromkeys(name for lines in plots.values() for name in lines))
    rows = -(-len(plots) // 2)
    parts = [element("style", STYLE), *_legend(names)]
    for n, (title, lines) in enumerate(plots.items()):
        x, y = (n % 2) * PANEL[0], 30 + (n // 2) * PANEL[1]
        inner = "".join(_panel(title, lines, across, up, top))
        parts.append(element("g", inner, transform=f"translate({x:g} {y:g})"))
    says = f"{up} against {across}: {', '.join(names)}"
    return drawing(30 + rows * PANEL[1], says, parts, 2 * PANEL[0])


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = MARGIN[0]
    for name in names:
        yield element("rect", x=x, y=9.0, width=14.0, height=4.0, fill=colour_of(name))
        yield text(x + 18, 15, clipped(name, 18))
        x += 30 + 6.2 * len(clipped(name, 18))


def _panel(title: str, lines: Lines, across: str, up: str, top: float | None) -> Iterator[str]:
    left, upper, right, lower = MARGIN
    wide, tall = PANEL[0] - left - right, PANEL[1] - upper - lower
    points = [p for line_ in lines.values() for p in line_]
    x_end = round_up(max((x for x, _ in points), default=1.0) or 1.0)
    y_end = top or round_up(max((y for _, y in points), default=1.0) or 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + wide * min(x / x_end, 1), upper + tall * (1 - min(y / y_end, 1))

    yield text(left, upper - 9, title, "title")
    for x in ticks(x_end, 5):
        yield line(at(x, 0)[0], upper, at(x, 0)[0], upper + tall, "grid")
        yield text(at(x, 0)[0], upper + tall + 13, f"{x:g}", "axis", "middle")
    for y in ticks(y_end, 5):
        yield line(left, at(0, y)[1], left + wide, at(0, y)[1], "grid")
        yield text(left - 5, at(0, y)[1] + 4, f"{y:g}", "axis", "end")
    yield text(left + wide / 2, upper + tall + 26, across, "axis", "middle")
    turn = f"rotate(-90 12 {upper + tall / 2:g})"
    yield element(
        "text", up, x=12.0, y=upper + tall / 2, class_="axis", text_anchor="middle", transform=turn
    )
    for name, found in lines.items():
        path = [at(x, y) for x, y in found]
        words = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
        yield element("polyline", points=words, stroke=colour_of(name))
        if path:
            yield element("circle", cx=path[-1][0], cy=path[-1][1], r=2.6, fill=colour_of(name))


def looks_picture(
    rgb: U8,
    found: Sequence[Box],
    missed: Sequence[Box],
    ours: Sequence[Box],
    tiles: Sequence[Box],
    wide: int = 1920,
) -> U8:
    """A scene `wide` px wide: tiles as grey lines, our looks numbered in red, found things green.

    Missed things are yellow.
    """
    scale = wide / rgb.shape[1]
    out = cv2.resize(rgb, (wide, round(rgb.shape[0] * scale)), interpolation=cv2.INTER_AREA)
    out = np.ascontiguousarray(out)
    for box in tiles:
        _frame(out, box, scale, (190, 190, 190), 1)
    for n, box in enumerate(ours, 1):
        _frame(out, box, scale, (225, 40, 60), 2)
        at = round(box[0] * scale) + 3, round(box[1] * scale) + 14
        cv2.putText(out, str(n), at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (225, 40, 60), 1, cv2.LINE_AA)
    for boxes, colour in ((found, (30, 220, 60)), (missed, (250, 210, 0))):
        for box in boxes:
            _frame(out, box, scale, colour, 2)
    return out


def _frame(out: U8, box: Box, scale: float, colour: tuple[int, int, int], thick: int) -> None:
    x0, y0, x1, y1 = (round(v * scale) for v in box)
    cv2.rectangle(out, (x0, y0), (x1 - 1, y1 - 1), colour, thick)
