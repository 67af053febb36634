"""The plots of the report, each a string of SVG. Colours come from report.css, by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import log2
from typing import NamedTuple

from edge.bench.line import STAGES, Line
from edge.markup.svg import WIDTH, clipped, drawing, element, line, round_up, text, ticks

LEFT, RIGHT = 132.0, 66.0  # px beside the bars: names, numbers
ROW, BAR, FOOT = 21.0, 12.0, 22.0
CURVES_LEFT, CURVES_RIGHT, CURVES_FOOT = 40.0, WIDTH - 12.0, 144.0  # px, where curves may be
ENGINES = ("onnxruntime", "openvino", "tflite")  # those with a colour of their own
BEYOND = 2.5  # times the longest bar: farther whiskers are cut, or one stall would flatten the rest
LETTERS = 21


def name(found: Line) -> str:
    """`tflite int8 x2`, with two threads: what tells results of one board apart."""
    provider = "" if found.provider == "CPU" else f" {found.provider}"
    threads = "" if found.threads is None else f" x{found.threads}"
    return f"{found.engine}{provider} {found.precision}{threads}"


def kinds(found: Line) -> str:
    """Classes of report.css."""
    engine = found.engine if found.engine in ENGINES else "other"
    label = "predicted" if found.label == "predicted" else ""
    verdict = "invalid" if found.verdict == "INVALID" else ""
    return " ".join(kind for kind in (engine, found.precision, label, verdict) if kind)


def top_of(lines: Sequence[Line]) -> float:
    """Where the axis of `launches` ends; INVALID bars are cut there, unless all are INVALID."""
    trusted = [found for found in lines if found.verdict == "VALID"]
    timed = [found.engine_ms for found in trusted or lines if found.engine_ms is not None]
    most = max(ms.p50 for ms in timed)
    return round_up(min(max(ms.p90 or ms.p50 for ms in timed), BEYOND * most))


def launches(lines: Sequence[Line], top: float) -> str:
    """Median ms of a launch, whiskers from the quickest to p90. Lines without a time have none."""
    timed = [(found, found.engine_ms) for found in lines if found.engine_ms is not None]
    height = len(timed) * ROW + FOOT
    parts = [*_axis(top, height - FOOT)]
    for n, (found, ms) in enumerate(timed):
        y = n * ROW + 3
        tail = " *" if found.verdict == "INVALID" else ""
        sign = "~" if found.label == "predicted" else ""
        parts += _row(name(found), y, f"{sign}{ms.p50:.2f} ms{tail}")
        parts.append(_rect(LEFT, _at(ms.p50, top), y, f"bar {kinds(found)}"))
        if ms.least is not None and ms.p90 is not None:
            middle = y + BAR / 2
            parts.append(line(_at(ms.least, top), middle, _at(ms.p90, top), middle, "whisker"))
    said = ", ".join(f"{name(f)} {f.label} {ms.p50:.2f}" for f, ms in timed)
    return drawing(height, f"milliseconds a launch: {said}", parts)


def stages(lines: Sequence[Line]) -> str:
    """Where a frame's time goes: a bar a result, a colour a stage."""
    shown = [(found, found.frame) for found in lines if found.frame is not None]
    top = round_up(max(sum(frame.stages_ms.values()) for _, frame in shown))
    height = len(shown) * ROW + FOOT
    parts = [*_axis(top, height - FOOT)]
    for n, (found, frame) in enumerate(shown):
        y, left = n * ROW + 3, LEFT
        whole = sum(frame.stages_ms.values())
        parts += _row(name(found), y, f"{whole:.1f} ms")
        for stage in STAGES:
            ms = max(frame.stages_ms.get(stage, 0.0), 0.0)
            right = left + (_at(ms, top) - LEFT)
            said = element("title", f"{stage} {ms:.2f} ms, {ms / whole:.0%}")
            invalid = " invalid" if found.verdict == "INVALID" else ""
            parts.append(_rect(left, right, y, f"bar {stage}{invalid}", said))
            left = right
    said = ", ".join(f"{name(f)} {sum(frame.stages_ms.values()):.1f}" for f, frame in shown)
    return drawing(height, f"milliseconds a frame by stage: {said}", parts)


class _Plane(NamedTuple):
    """Where the curves are drawn: batches across, each twice as large as far on; ms upwards."""

    batch: int  # at the right end
    ms: float  # at the top

    def at(self, batch: int, ms: float) -> tuple[float, float]:
        across = CURVES_LEFT + (CURVES_RIGHT - CURVES_LEFT) * log2(batch) / max(log2(self.batch), 1)
        return across, 6 + (CURVES_FOOT - 6) * (1 - ms / self.ms)


def curves(lines: Sequence[Line]) -> str:
    """ms a picture by batch: below 1, it pays to put pictures together."""
    shown = [found for found in lines if len(found.batch_ms) > 1]
    batches = sorted({int(batch) for found in shown for batch in found.batch_ms})
    top = round_up(max(ms for found in shown for ms in found.batch_ms.values()))
    plane = _Plane(batches[-1], top)
    parts = [*_grid(plane, batches)]
    for found in shown:
        parts += _curve(plane, found)
    said = f"milliseconds a picture by batch: {', '.join(map(name, shown))}"
    return drawing(CURVES_FOOT + 36, said, parts)


def _grid(plane: _Plane, batches: Sequence[int]) -> Iterator[str]:
    for tick in ticks(plane.ms, 4):
        y = plane.at(1, tick)[1]
        yield line(CURVES_LEFT, y, CURVES_RIGHT, y, "grid")
        yield text(CURVES_LEFT - 6, y + 4, f"{tick:g}", "axis", "end")
    for batch in batches:
        yield text(plane.at(batch, 0)[0], CURVES_FOOT + 15, f"{batch}", "axis", "middle")
    middle = (CURVES_LEFT + CURVES_RIGHT) / 2
    yield text(middle, CURVES_FOOT + 31, "pictures a launch", "axis", "middle")


def _curve(plane: _Plane, found: Line) -> Iterator[str]:
    places = [plane.at(int(batch), ms) for batch, ms in found.batch_ms.items()]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield element("polyline", points=path, class_=f"curve {kinds(found)}")
    said = element("title", escape(name(found)))
    for x, y in places:
        yield element("circle", said, cx=x, cy=y, r=3, class_=f"dot {kinds(found)}")


def _axis(top: float, bottom: float) -> Iterator[str]:
    for tick in ticks(top, 4):
        x = _at(tick, top)
        yield line(x, 0, x, bottom, "grid")
        yield text(x, bottom + 15, f"{tick:g}", "axis", "middle")


def _row(words: str, y: float, number: str) -> Iterator[str]:
    yield text(0, y + BAR - 2, clipped(words, LETTERS), "name")
    yield text(WIDTH, y + BAR - 2, number, "number", "end")


def _rect(left: float, right: float, y: float, kind: str, *inner: str) -> str:
    width = max(right - left, 0.5)
    return element("rect", *inner, x=left, y=y, width=width, height=BAR, rx=1.5, class_=kind)


def _at(ms: float, top: float) -> float:
    return LEFT + (WIDTH - RIGHT - LEFT) * min(ms, top) / top
