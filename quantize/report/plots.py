"""The plots of the report, each a string of SVG. Colours come from page.css, by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from edge.markup.svg import (
    WIDTH,
    clipped,
    drawing,
    element,
    line,
    round_up,
    text,
    ticks,
)
from quantize.report.records import Bin, Calibration, Report, Share

LEFT, RIGHT = 92.0, 64.0  # px beside the bars: names, numbers
BAR, GAP, GROUP = 11.0, 3.0, 36.0  # px: a bar, between two, from one pair to the next
FOOT = 22.0  # px for the axis
TAG_LEFT, TAG_ROW = 168.0, 19.0
JOINED = 5  # pictures in a bin before a line is drawn to it: fewer say little
BEYOND = 2.5  # times the longest bar: farther whiskers are cut, or one stall would flatten the rest


class Bar(msgspec.Struct, frozen=True):
    """One bar with its whisker; all in the unit of the axis."""

    name: str  # of the pair it stands in
    kind: str  # "float" or "int8": its colour
    value: float
    low: float
    high: float
    says: str  # the number as written beside it


def bars(items: Sequence[Bar], top: float, says: str) -> str:
    """Pairs of bars under one another, from 0 to `top`, with whiskers."""
    names = list(dict.fromkeys(item.name for item in items))
    height = len(names) * GROUP + FOOT
    parts = [*_grid(top, height - FOOT, LEFT, WIDTH - RIGHT)]
    for n, name in enumerate(names):
        y = n * GROUP + 4
        parts.append(text(0, y + BAR + GAP / 2 + 4, clipped(name, 14), "name"))
        for k, item in enumerate(i for i in items if i.name == name):
            parts += _bar(item, y + k * (BAR + GAP), top)
    return drawing(height, says, parts)


def _grid(top: float, bottom: float, left: float, right: float) -> Iterator[str]:
    for tick in ticks(top, 4):
        x = left + (right - left) * tick / top
        yield line(x, 0, x, bottom, "grid")
        yield text(x, bottom + 15, f"{tick:g}", "axis", "middle")


def _bar(item: Bar, y: float, top: float) -> Iterator[str]:
    def at(value: float) -> float:
        return LEFT + (WIDTH - RIGHT - LEFT) * min(max(value, 0), top) / top

    middle = y + BAR / 2
    yield element(
        "rect", x=LEFT, y=y, width=max(0.5, at(item.value) - LEFT), height=BAR, rx=2,
        class_=item.kind,
    )  # fmt: skip
    if item.high > item.low:
        yield line(at(item.low), middle, at(item.high), middle, "whisker")
        ends = (item.low, item.high) if item.high <= top else (item.low,)
        yield from (line(at(v), middle - 3, at(v), middle + 3, "whisker") for v in ends)
    yield text(WIDTH, y + BAR - 2, item.says, "number", "end")


def accuracy_bars(report: Report, head: str, *, groups: bool = False) -> str:
    """Top-1 (or of groups) in per cent, float and int8 on each engine, Wilson 95 % whiskers."""
    items = []
    for engine in report.engines():
        for row in (r for r in report.rows if r.engine == engine):
            share = row.heads[head].group if groups else row.heads[head].top1
            if share is not None:
                items.append(_share_bar(engine, row.precision, share))
    what = "group accuracy" if groups else "accuracy"
    said = ", ".join(f"{i.name} {i.kind} {i.says}" for i in items)
    return bars(items, 100.0, f"{what} of {head} in per cent: {said}")


def _share_bar(name: str, kind: str, share: Share) -> Bar:
    value, low, high = (100 * v for v in (share.value, share.low, share.high))
    return Bar(name, kind, value, low, high, f"{value:.1f} %")


def latency_bars(report: Report) -> str:
    """Median milliseconds a picture, whiskers from p10 to p90."""
    items = [
        Bar(r.engine, r.precision, r.ms.median, r.ms.p10, r.ms.p90, f"{r.ms.median:.2f} ms")
        for engine in report.engines()
        for r in report.rows
        if r.engine == engine
    ]
    most = max(i.value for i in items)
    top = round_up(min(max(i.high for i in items), BEYOND * most))
    said = ", ".join(f"{i.name} {i.kind} {i.says}" for i in items)
    return bars(items, top, f"milliseconds a picture: {said}")


def size_bars(report: Report) -> str:
    """Megabytes of each artifact."""
    items = []
    for engine in report.engines():
        for row in (r for r in report.rows if r.engine == engine):
            mb = row.size_bytes / 1e6
            items.append(Bar(engine, row.precision, mb, mb, mb, f"{mb:.2f} MB"))
    said = ", ".join(f"{i.name} {i.kind} {i.says}" for i in items)
    return bars(items, round_up(max(i.value for i in items)), f"size: {said}")


def tag_dots(rows: Iterable[tuple[str, Share, Share]], says: str) -> str:
    """A line a tag: float as a ring, int8 as a dot, what lies between; pictures at the right."""
    found = list(rows)
    bottom = len(found) * TAG_ROW + 4
    parts = [*_grid(100.0, bottom, TAG_LEFT, WIDTH - 40)]
    for n, (tag, before, after) in enumerate(found):
        y = n * TAG_ROW + TAG_ROW / 2 + 2
        x0, x1 = (TAG_LEFT + (WIDTH - 40 - TAG_LEFT) * s.value for s in (before, after))
        full = element("title", _says(tag, before, after))
        parts += [
            text(TAG_LEFT - 10, y + 4, clipped(tag, 22), "tag", "end"),
            line(x0, y, x1, y, "between"),
            element("circle", cx=x0, cy=y, r=4.5, class_="ring"),
            element("circle", full, cx=x1, cy=y, r=3, class_="int8"),
            text(WIDTH, y + 4, f"{after.count}", "axis", "end"),
        ]
    return drawing(bottom + FOOT, says, parts)


def _says(tag: str, before: Share, after: Share) -> str:
    words = f"{tag}: float {100 * before.value:.0f} %, int8 {100 * after.value:.0f} %"
    return _escaped(f"{words} of {after.count} pictures")


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def reliability_plot(head: str, calibration: Calibration) -> str:
    """How often the best tag is right (up) at each score (across); on the diagonal is honest."""
    left, top, side = 52.0, 8.0, 296.0
    frame = (left, top, side)
    parts = []
    for tick in (0, 25, 50, 75, 100):
        x, y = _at(tick / 100, 0, frame)[0], _at(0, tick / 100, frame)[1]
        parts += [line(x, top, x, top + side, "grid"), line(left, y, left + side, y, "grid")]
        parts.append(text(x, top + side + 15, f"{tick}", "axis", "middle"))
        parts.append(text(left - 7, y + 4, f"{tick}", "axis", "end"))
    parts.append(line(*_at(0, 0, frame), *_at(1, 1, frame), "diagonal"))
    parts += _curve(calibration.before_bins, "before", frame)
    parts += _curve(calibration.after_bins, "after", frame)
    parts.append(
        text(left + side / 2, top + side + 33, "score of the best tag, %", "axis", "middle")
    )
    turn = f"rotate(-90 14 {top + side / 2:g})"
    parts.append(
        element("text", "how often it is right, %", x=14.0, y=top + side / 2, class_="axis",
                text_anchor="middle", transform=turn)
    )  # fmt: skip
    said = f"calibration of {head}: error {calibration.before:.3f} before"
    said += "" if calibration.after is None else f", {calibration.after:.3f} after the temperature"
    return drawing(top + side + 40, said, parts)


def _at(score: float, right: float, frame: tuple[float, float, float]) -> tuple[float, float]:
    left, top, side = frame
    return left + side * score, top + side * (1 - right)


def _curve(bins: Sequence[Bin], kind: str, frame: tuple[float, float, float]) -> Iterator[str]:
    """A dot a bin, its area the share of the pictures; those with enough of them are joined."""
    filled = [b for b in bins if b.count]
    most = max((b.count for b in filled), default=1)
    points = [_at(b.score, b.right, frame) for b in filled]
    path = [f"{x:.1f},{y:.1f}" for (x, y), b in zip(points, filled) if b.count >= JOINED]
    if len(path) > 1:
        yield element("polyline", points=" ".join(path), class_=f"curve {kind}")
    for (x, y), found in zip(points, filled):
        radius = 2 + 5 * (found.count / most) ** 0.5
        yield element("circle", cx=x, cy=y, r=radius, class_=f"dot {kind}")
