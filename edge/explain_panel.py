"""What a frame cost, what was looked at and why, what was not, and what is known: in words.

The right of an explanation: sections one under the other, as wide as WIDE letters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import cv2
import numpy as np

from edge.explain_map import COLOURS, WHY
from edge.frames import Looked, Seen
from edge.ink import Colour, Ink, disc, fill, outline
from edge.records import F32, U8, FrameTags, Tag

BACK, CARD = (22, 25, 31), (36, 40, 49)
TEXT, MUTED, FAINT = (236, 239, 244), (156, 165, 179), (74, 82, 96)
ENGINE, AROUND, OVER = (62, 190, 140), (96, 122, 214), (255, 92, 92)
STATES = {"settled": (62, 190, 140), "open": (255, 178, 62), "unsure": (160, 176, 205)}
FRESH, OLD, NEVER = (62, 190, 140), (38, 60, 66), (58, 44, 48)
OLD_S = 10.0  # since the last look: such a place counts as not covered any more
WIDE = 34  # letters
FEWEST = 3  # rows of a list, however low the frame
Row = tuple[str, ...]


def panel(result: FrameTags, seen: Seen, ink: Ink, height: int) -> U8:
    """(at least `height`, WIDE letters, 3)"""
    looks, tags = list(seen.looks), list(result.tags)
    spare = height - _Panel.least_px(ink)
    rows = max(2 * FEWEST, spare // ink.line_px)
    for_looks = max(FEWEST, min(len(looks), rows - min(len(tags), rows // 2)))
    for_tags = max(FEWEST, rows - min(for_looks, len(looks)))
    drawn = _Panel(ink, max(height, _Panel.least_px(ink) + 2 * FEWEST * ink.line_px))
    drawn.title(result)
    drawn.budget(result, seen)
    drawn.looks(looks, for_looks, len(seen.candidates))
    drawn.skipped(seen)
    drawn.coverage(result, seen)
    drawn.tags(tags, for_tags)
    return drawn.canvas


class _Panel:
    """A panel in the making, from the top down."""

    LINES = 18.0  # of everything that is always there

    def __init__(self, ink: Ink, height: int) -> None:
        self._ink, self._line = ink, ink.line_px
        width = round(WIDE * ink.size_px)
        self.canvas: U8 = np.full((height, width, 3), BACK, np.uint8)
        self._left, self._right = round(ink.size_px), width - round(ink.size_px)
        self._y = self._line // 2

    @classmethod
    def least_px(cls, ink: Ink) -> int:
        """The height without the rows of looks and tags."""
        return round(cls.LINES * ink.line_px)

    def title(self, result: FrameTags) -> None:
        number = f"frame {result.frame}"
        room = self._right - self._left - self._ink.width(number) - self._line
        name = self._ink.fitted(PurePath(result.source).name or result.source, room, 1.15)
        self._ink.write(self.canvas, name, self._left, self._y, TEXT, 1.15)
        self._ink.write_right(self.canvas, number, self._right, self._y, MUTED)
        self._y += self._line
        width, height = result.size
        about = f"{width} x {height}, {result.bundle}, {result.engine}"
        self._small(self._ink.fitted(about, self._right - self._left, 0.8), self._left)
        self._y += round(self._line * 1.3)

    def budget(self, result: FrameTags, seen: Seen) -> None:
        """A bar as long as the budget: the engine's part, what is around it, what is left."""
        spent, budget_ms = result.spent, seen.budget_ms
        is_limited = math.isfinite(budget_ms)
        of = f"{spent.total_ms:.1f} of {budget_ms:g} ms" if is_limited else "no limit"
        self._heading("BUDGET", of if is_limited else f"{spent.total_ms:.1f} ms, no limit")
        whole_ms = max(budget_ms if is_limited else 0.0, spent.total_ms, 1e-3)
        length, tall = self._right - self._left, round(self._line * 0.55)
        ends = [0.0, spent.engine_ms, spent.total_ms, whole_ms]
        edges = [self._left + round(length * end / whole_ms) for end in ends]
        for x0, x1, colour in zip(edges, edges[1:], (ENGINE, AROUND, CARD)):
            fill(self.canvas, (x0, self._y, x1, self._y + tall), colour)
        if is_limited and spent.total_ms > budget_ms:
            limit = self._left + round(length * budget_ms / whole_ms)
            fill(self.canvas, (limit, self._y, edges[2], self._y + tall), OVER)
        self._y += round(self._line * 0.7)
        share = spent.engine_ms / spent.total_ms if spent.total_ms else 0.0
        left = [(CARD, f"left {max(0.0, budget_ms - spent.total_ms):.1f} ms")] if is_limited else []
        self._keys(
            [
                (ENGINE, f"engine {spent.engine_ms:.1f} ms, {share:.0%}"),
                (AROUND, f"around it {spent.total_ms - spent.engine_ms:.1f} ms"),
                *left,
            ]
        )
        self._y += round(self._line * 0.5)

    def looks(self, looks: Sequence[Looked], rows: int, candidates: int) -> None:
        """A line a look: its number on the frame, why it was made, what it brought and took."""
        closer = sum(look.region.kind != "full" for look in looks)
        self._heading("LOOKS", f"{closer} closer ones, {candidates} candidates")
        widths = (2.2, 12.4, 22.4, 26.4)  # letters, to the left of each column
        self._cells(("", "why", "best tag", "gain", "ms"), widths, FAINT, 0.75)
        number = 0
        for look in looks[: rows if len(looks) <= rows else rows - 1]:
            is_closer = look.region.kind != "full"
            number += is_closer
            radius = round(self._ink.size_px * 0.42)
            middle = self._y + self._line // 2
            disc(self.canvas, self._left + radius, middle, radius, COLOURS[look.why])
            words = str(number) if is_closer else ""
            self._ink.write(
                self.canvas, words, self._left + radius - self._ink.width(words, 0.6) // 2,
                self._y, BACK, 0.6,
            )  # fmt: skip
            best = look.tags[0].tag if look.tags else "nothing"
            gain = f"{look.gain:.2f}" if is_closer else "-"
            self._cells(("", WHY[look.why], best, gain, f"{look.engine_ms:.1f}"), widths, TEXT)
        if len(looks) > rows:
            self._more(len(looks) - rows + 1)
        self._y += round(self._line * 0.5)

    def skipped(self, seen: Seen) -> None:
        """How many looks would have paid, by why, and what kept them from being made."""
        counts = Counter(skip.why for skip in seen.skipped)
        total = sum(counts.values())
        reason = "" if not total else f"{total}: they did not fit"
        self._heading("SKIPPED", reason or "nothing that would have paid")
        words = [(COLOURS[why], f"{WHY[why]} {count}") for why, count in counts.most_common(3)]
        self._keys(words or [(FAINT, "every look worth its time was made")])
        self._y += round(self._line * 0.5)

    def coverage(self, result: FrameTags, seen: Seen) -> None:
        """The frame in small: how long ago each place was looked at closely."""
        self._heading("COVERAGE", f"{result.coverage:.0%} of the frame within {OLD_S:g} s")
        tall = round(self._line * 3.2)
        wide = min(round(tall * result.size[0] / result.size[1]), round(tall * 2.4))
        tall = min(tall, round(wide * result.size[1] / result.size[0]))
        colours = _ages(seen.ages_s)
        small = cv2.resize(colours, (wide, tall), interpolation=cv2.INTER_NEAREST)
        self.canvas[self._y : self._y + tall, self._left : self._left + wide] = small
        outline(self.canvas, (self._left, self._y, self._left + wide, self._y + tall), FAINT, 1)
        x, top = self._left + wide + self._line // 2, self._y
        for words, colour in (
            (f"longest wait {result.oldest_s:.1f} s", TEXT),
            ("seen just now", FRESH),
            (f"{OLD_S:g} s ago or more", OLD),
            ("never", NEVER),
        ):
            side = round(self._ink.size_px * 0.6)
            middle = self._y + round(self._line * 0.4)
            if colour is not TEXT:
                swatch = x, middle - side // 2, x + side, middle + side // 2
                fill(self.canvas, swatch, colour)
            at = x if colour is TEXT else x + round(1.5 * side)
            shown = TEXT if colour is TEXT else MUTED
            self._ink.write(self.canvas, words, at, middle - self._line // 2, shown, 0.8)
            self._y += round(self._line * 0.8)
        self._y = top + round(self._line * 3.7)

    def tags(self, tags: Sequence[Tag], rows: int) -> None:
        """What is known, best first, with how often it was looked at and whether that is enough."""
        self._heading("TAGS", f"{len(tags)}" if tags else "none above its threshold")
        widths = (1.3, 15.0, 19.6, 23.6)
        self._cells(("", "", "looks", "age s", "score"), widths, FAINT, 0.75)
        for tag in tags[: rows if len(tags) <= rows else rows - 1]:
            side = round(self._ink.size_px * 0.55)
            middle = self._y + self._line // 2
            dot = self._left, middle - side // 2, self._left + side, middle + side // 2
            fill(self.canvas, dot, STATES[tag.state])
            self._cells(("", tag.tag, f"{tag.looks}", f"{tag.age_s:.1f}"), widths[:3], TEXT)
            self._y -= self._line
            self._bar(
                self._left + round(widths[3] * self._ink.size_px), tag.score, STATES[tag.state]
            )
            self._y += self._line
        if len(tags) > rows:
            self._more(len(tags) - rows + 1)

    def _heading(self, name: str, words: str) -> None:
        self._ink.write(self.canvas, name, self._left, self._y, MUTED, 0.8)
        self._ink.write_right(self.canvas, words, self._right, self._y, TEXT, 0.9)
        self._y += self._line
        top = self._y - round(self._line * 0.08)
        fill(self.canvas, (self._left, top, self._right, top + 1), FAINT)

    def _small(self, words: str, x: int) -> int:
        return self._ink.write(self.canvas, words, x, self._y, MUTED, 0.8)

    def _keys(self, words: Sequence[tuple[Colour, str]]) -> None:
        """Swatches with what each means, in a line."""
        x, side = self._left, round(self._ink.size_px * 0.6)
        middle = self._y + self._line // 2
        for colour, word in words:
            fill(self.canvas, (x, middle - side // 2, x + side, middle + side // 2), colour)
            if colour == CARD:
                outline(
                    self.canvas, (x, middle - side // 2, x + side, middle + side // 2), FAINT, 1
                )
            x = self._small(word, x + round(1.5 * side)) + round(1.2 * self._ink.size_px)
        self._y += self._line

    def _cells(
        self, cells: Row, widths: Sequence[float], colour: Colour, scale: float = 0.9
    ) -> None:
        """A row; each cell but the first begins at its width."""
        starts = [self._left, *(self._left + round(w * self._ink.size_px) for w in widths)]
        ends = [*starts[1:], self._right]
        for cell, start, end in zip(cells, starts, ends):
            words = self._ink.fitted(cell, end - start - self._ink.size_px // 3, scale)
            self._ink.write(self.canvas, words, start, self._y, colour, scale)
        self._y += self._line

    def _bar(self, x: int, score: float, colour: Colour) -> None:
        number = f"{score:.0%}"
        tall, middle = round(self._line * 0.3), self._y + self._line // 2
        end = self._right - self._ink.width("100%", 0.8) - round(self._ink.size_px * 0.4)
        fill(self.canvas, (x, middle - tall // 2, end, middle + tall // 2), CARD)
        full = x + round((end - x) * min(1.0, max(0.0, score)))
        fill(self.canvas, (x, middle - tall // 2, full, middle + tall // 2), colour)
        self._ink.write_right(self.canvas, number, self._right, self._y, TEXT, 0.8)

    def _more(self, count: int) -> None:
        self._small(f"and {count} more", self._left + round(1.3 * self._ink.size_px))
        self._y += self._line


def _ages(ages_s: F32 | None) -> U8:
    """(rows, columns) s -> colours; None is all of it, just now."""
    if ages_s is None:
        return np.full((1, 1, 3), FRESH, np.uint8)
    old = np.clip(np.where(np.isfinite(ages_s), ages_s, 0) / OLD_S, 0, 1)[..., None]
    mixed = np.array(FRESH, np.float32) * (1 - old) + np.array(OLD, np.float32) * old
    return np.where(np.isfinite(ages_s)[..., None], mixed, NEVER).astype(np.uint8)
