"""What a frame cost, what was looked at and why, what was not, and what is known: in words.

The right of an explanation: sections one under the other, as wide as WIDE letters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import PurePath

import cv2
import numpy as np

from edge.explain.column import BACK, CARD, FAINT, MUTED, TEXT, Column
from edge.explain.ink import Ink, disc, fill, outline
from edge.explain.map import COLOURS, WHY
from edge.records import F32, U8, FrameTags, Tag
from edge.seen import Looked, Seen

ENGINE, AROUND, OVER = (62, 190, 140), (96, 122, 214), (255, 92, 92)
STATES = {"settled": (62, 190, 140), "open": (255, 178, 62), "unsure": (160, 176, 205)}
FRESH, OLD, NEVER = (62, 190, 140), (38, 60, 66), (58, 44, 48)
OLD_S = 10.0  # since the last look: such a place counts as not covered any more
WIDE = 34  # letters
LINES = 18.0  # of everything but the rows of looks and tags
FEWEST = 3  # rows of each, however low the frame
LOOKS_AT = (0.0, 2.0, 10.9, 19.6, 22.8, 27.6)  # letters from the left: the columns of each list
TAGS_AT = (1.3, 15.0, 19.6, 23.6)


def panel(result: FrameTags, seen: Seen, ink: Ink, height: int) -> U8:
    """(`height` or what it needs at least, WIDE letters, 3)"""
    least = round(LINES * ink.line_px)
    column = Column(ink, WIDE, max(height, least + 2 * FEWEST * ink.line_px))
    rows = (column.canvas.shape[0] - least) // ink.line_px
    looks, tags = len(seen.looks), sum(map(_lines, result.tags))
    for_looks = max(FEWEST, min(looks, rows - min(tags, rows // 2)))
    _title(column, result)
    _budget(column, result, seen)
    _looks(column, seen, for_looks)
    _skipped(column, seen)
    _coverage(column, result, seen)
    _tags(column, result.tags, max(FEWEST, rows - min(for_looks, looks)))
    return column.canvas


def _title(column: Column, result: FrameTags) -> None:
    ink, number = column.ink, f"frame {result.frame}"
    x = ink.write_right(column.canvas, number, column.right, column.y, MUTED)
    name = PurePath(result.source).name or result.source
    name = ink.fitted(name, x - column.left - column.line, 1.15)
    ink.write(column.canvas, name, column.left, column.y, TEXT, 1.15)
    column.skip(1)
    width, height = result.size
    about = f"{width} x {height}, {result.bundle}, {result.engine}"
    column.small(ink.fitted(about, column.right - column.left, 0.8), column.left)
    column.skip(1.3)


def _budget(column: Column, result: FrameTags, seen: Seen) -> None:
    """A bar as long as the budget: the engine's part, what is around it, what is left."""
    spent, budget_ms = result.spent, seen.budget_ms
    is_limited = math.isfinite(budget_ms)
    column.heading(
        "BUDGET",
        f"{spent.total_ms:.1f} of {budget_ms:g} ms"
        if is_limited
        else f"{spent.total_ms:.1f} ms, no limit",
    )
    _spent_bar(column, spent.engine_ms, spent.total_ms, budget_ms)
    share = spent.engine_ms / spent.total_ms if spent.total_ms else 0.0
    keys = [
        (ENGINE, f"engine {spent.engine_ms:.1f} ms, {share:.0%}"),
        (AROUND, f"around it {spent.total_ms - spent.engine_ms:.1f} ms"),
    ]
    if is_limited:
        keys.append((CARD, f"left {max(0.0, budget_ms - spent.total_ms):.1f} ms"))
    column.keys(keys)
    column.skip(0.5)


def _spent_bar(column: Column, engine_ms: float, total_ms: float, budget_ms: float) -> None:
    """What lies beyond the budget is red."""
    whole_ms = max(budget_ms if math.isfinite(budget_ms) else 0.0, total_ms, 1e-3)
    ends = [0.0, engine_ms, total_ms, whole_ms, min(budget_ms, total_ms)]
    edges = [column.left + round((column.right - column.left) * e / whole_ms) for e in ends]
    y0, y1 = column.y, column.y + round(column.line * 0.55)
    for x0, x1, colour in zip(edges, edges[1:4], (ENGINE, AROUND, CARD)):
        fill(column.canvas, (x0, y0, x1, y1), colour)
    fill(column.canvas, (edges[4], y0, edges[2], y1), OVER)
    column.skip(0.7)


def _looks(column: Column, seen: Seen, rows: int) -> None:
    """A line a look: its number on the frame, why it was made, what it brought and took."""
    looks = seen.looks
    closer = sum(look.is_closer for look in looks)
    column.heading("LOOKS", f"{closer} closer ones, {len(seen.candidates)} candidates")
    if not looks:
        column.keys([(FAINT, "none: nothing was worth one, or there was no time")])
    else:
        names = ("", "why", "best tag", "gain", "planned ms", "engine ms")
        column.cells(names, LOOKS_AT, MUTED, 0.75)
        column.skip(1)
    number = 0
    shown = _shown(len(looks), rows)
    for look in looks[:shown]:
        number += look.is_closer
        _look(column, look, number, is_planned=math.isfinite(seen.budget_ms))
    _more(column, len(looks) - shown)
    column.skip(0.5)


def _look(column: Column, look: Looked, number: int, *, is_planned: bool) -> None:
    """Without a budget nobody asked how long it would take."""
    is_closer = look.is_closer
    radius = round(column.letter * 0.42)
    disc(column.canvas, column.left + radius, column.middle, radius, COLOURS[look.why])
    words = str(number) if is_closer else ""
    x = column.left + radius - column.ink.width(words, 0.6) // 2
    column.ink.write(column.canvas, words, x, column.y, BACK, 0.6)
    nothing = "-" if look.why == "part" else "nothing"  # it names none, it finds places
    best = look.tags[0].tag if look.tags else nothing
    is_chosen = look.why != "glance"
    gain = f"{look.gain:.2f}" if is_chosen else "-"
    planned = f"{look.cost_ms:.1f}" if is_chosen and is_planned else "-"
    cells = ("", WHY[look.why], best, gain, planned, f"{look.engine_ms:.1f}")
    column.cells(cells, LOOKS_AT, TEXT)
    column.skip(1)


def _skipped(column: Column, seen: Seen) -> None:
    """How many looks would have paid and were not made, by why they would have."""
    counts = Counter(skip.why for skip in seen.skipped)
    if counts:
        column.heading("SKIPPED", f"{sum(counts.values())}: they did not fit the budget")
        column.keys([(COLOURS[why], f"{WHY[why]} {n}") for why, n in counts.most_common(3)])
    else:
        column.heading("SKIPPED", "none")
        column.keys([(FAINT, "every look worth its time was made")])
    column.skip(0.5)


def _coverage(column: Column, result: FrameTags, seen: Seen) -> None:
    """The frame in small: how long ago each place was looked at closely."""
    column.heading("COVERAGE", f"{result.coverage:.0%} of the frame within {OLD_S:g} s")
    top, tall = column.y, round(column.line * 3.2)
    wide = min(max(1, round(tall * result.size[0] / result.size[1])), round(tall * 2.4))
    tall = min(tall, max(1, round(wide * result.size[1] / result.size[0])))
    small = cv2.resize(_ages(seen.ages_s), (wide, tall), interpolation=cv2.INTER_NEAREST)
    column.canvas[top : top + tall, column.left : column.left + wide] = small
    outline(column.canvas, (column.left, top, column.left + wide, top + tall), FAINT, 1)
    x = column.left + wide + column.line // 2
    column.small(f"longest wait {result.oldest_s:.1f} s", x)
    keys = ((FRESH, "seen just now"), (OLD, f"{OLD_S:g} s ago or more"), (NEVER, "never"))
    for colour, words in keys:
        column.skip(0.8)
        column.small(words, column.swatch(x, colour))
    column.y = top
    column.skip(3.7)


def _tags(column: Column, tags: Sequence[Tag], rows: int) -> None:
    """What is known, best first, with how often it was looked at and whether that is enough."""
    column.heading("TAGS", f"{len(tags)}" if tags else "none above its threshold")
    if tags:
        x = column.left
        for state, colour in STATES.items():
            x = column.small(state, column.swatch(x, colour)) + round(column.letter * 0.6)
        column.cells(("", "looks", "age s", "score"), TAGS_AT, MUTED, 0.75)
        column.skip(1)
    ends = list(accumulate(map(_lines, tags)))
    room = rows if not ends or ends[-1] <= rows else rows - 1
    shown = sum(end <= room for end in ends)
    room_px = column.right - column.at(TAGS_AT[0])
    for tag in tags[:shown]:
        column.swatch(column.left, STATES[tag.state])
        column.cells((tag.tag, f"{tag.looks}", f"{tag.age_s:.1f}"), TAGS_AT, TEXT)
        column.bar(column.at(TAGS_AT[-1]), tag.score, STATES[tag.state])
        column.skip(1)
        if tag.details:
            column.small(column.ink.fitted(tag.details, room_px, 0.8), column.at(TAGS_AT[0]))
            column.skip(1)
    _more(column, len(tags) - shown)


def _lines(tag: Tag) -> int:
    """Colour and attributes have one of their own."""
    return 2 if tag.details else 1


def _shown(count: int, rows: int) -> int:
    """Of a list, when the last row may be needed to say that there is more."""
    return count if count <= rows else rows - 1


def _more(column: Column, missing: int) -> None:
    if missing:
        column.small(f"and {missing} more", column.at(1.3))
        column.skip(1)


def _ages(ages_s: F32 | None) -> U8:
    """(rows, columns) s -> colours; None is all of it, just now."""
    if ages_s is None:
        return np.full((1, 1, 3), FRESH, np.uint8)
    old = np.clip(np.where(np.isfinite(ages_s), ages_s, 0) / OLD_S, 0, 1)[..., None]
    mixed = np.array(FRESH, np.float32) * (1 - old) + np.array(OLD, np.float32) * old
    return np.where(np.isfinite(ages_s)[..., None], mixed, NEVER).astype(np.uint8)
