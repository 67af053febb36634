"""A table for people, on a terminal. Its form may change at any time; programs read JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from edge.pictures.suffixes import is_picture
from edge.process import printable, write
from edge.records import FrameFailed, FrameTags, Picture, Tag
from edge.spelling import counted

HEADINGS = ("file", "where", "head", "tag", "about", "score")
WIDTHS = (12, 15, 8, 16, 8)  # of all but the last column, to start with; they grow, up to:
MAX_WIDTHS = (32, 19, 12, 28, 52)
SHORT = 5  # tags a frame when there are many frames
BAR = 10  # cells for a score of 1


class TableSink:
    """Results as rows, written as frames come: columns keep their width as far as they can.

    is_compact   one line a frame with its best tags, as frames of clips and cameras always get
    on_close     a last line, where any frame was tagged
    next_step    another one, where all were
    encoding     the terminal's; a character it has not becomes a question mark
    has_log      the log is on the same terminal: what failed is counted here and told there
    """

    def __init__(
        self,
        out: BinaryIO,
        name: str,
        *,
        is_compact: bool,
        on_close: str = "",
        next_step: str = "",
        encoding: str = "utf-8",
        has_log: bool = False,
    ) -> None:
        self._out = out
        self._name = name
        self._encoding = encoding
        self._is_compact = is_compact
        self._has_log = has_log
        self._on_close, self._next = on_close, next_step
        self._widths: Sequence[int] = WIDTHS
        self._has_heading = False
        self._bar = "█░" if "utf" in encoding.lower() else "#."
        self._frames = self._failed = self._looks = 0
        self._total_ms = self._engine_ms = self._coverage = 0.0

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed):
            self._failed += 1
            if not self._has_log:
                self._print(f"{printable(result.source)}  error: {printable(result.told)}")
            return
        self._count(result)
        if self._is_compact or not is_picture(result.source):
            self._print(_one_line(result))
        else:
            self._rows(result)

    def close(self) -> None:
        """The time spent, and what to do next."""
        share = self._engine_ms / self._total_ms if self._total_ms else 0.0
        failed = f", {self._failed} failed" if self._failed else ""
        coverage = self._coverage / self._frames if self._frames else 1.0
        seen = f"; coverage {coverage:.0%}" if coverage < 1 else ""
        self._print(
            f"\nframes: {self._frames}{failed}, {counted(self._looks, 'look')}, "
            f"{self._total_ms / 1e3:.2f} s, {share:.0%} of it in the engine{seen}"
        )
        if self._on_close and self._frames:
            self._print(self._on_close)
        if self._next and self._frames and not self._failed:
            self._print(self._next)

    def _count(self, result: FrameTags) -> None:
        spent = result.spent
        self._frames += 1
        self._coverage += result.coverage
        self._looks += spent.glances + spent.crops
        self._total_ms += spent.total_ms
        self._engine_ms += spent.engine_ms

    def _rows(self, result: FrameTags) -> None:
        rows = [_cells(tag, result) for tag in result.tags]
        first = printable(_file(result))
        if not rows:
            rows = [("", "whole", "-", "no tag above its threshold", _left_out(result))]
        table = [(first if n == 0 else "", *row[1:]) for n, row in enumerate(rows)]
        self._grow(table)
        if not self._has_heading:
            self._has_heading = True
            self._print(self._row(HEADINGS[:-1]) + HEADINGS[-1])
        scores = [self._score(tag.score) for tag in result.tags] or [""]
        for row, score in zip(table, scores, strict=True):
            self._print((self._row(row) + score).rstrip())

    def _grow(self, rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as anything so far. A heading printed before stays where it was."""
        seen = [max(len(row[n]) for row in [*rows, HEADINGS]) for n in range(len(WIDTHS))]
        self._widths = [
            min(max(old, new), limit)
            for old, new, limit in zip(self._widths, seen, MAX_WIDTHS, strict=True)
        ]

    def _row(self, cells: Sequence[str]) -> str:
        fitted = [_fit(cell, width) for cell, width in zip(cells, self._widths, strict=True)]
        return "  ".join(fitted) + "  "

    def _score(self, score: float) -> str:
        full = round(score * BAR)
        return f"{self._bar[0] * full}{self._bar[1] * (BAR - full)} {score:4.0%}"

    def _print(self, line: str) -> None:
        write(self._out, (line + "\n").encode(self._encoding, "replace"), self._name)


def _cells(tag: Tag, result: FrameTags) -> tuple[str, str, str, str, str]:
    is_whole = tag.box == (0, 0, *result.size)
    x0, y0, x1, y1 = tag.box
    where = "whole" if is_whole else f"{x0},{y0} {x1 - x0}x{y1 - y0}"
    word = f"some {tag.words}" if tag.level == "group" else tag.words
    more = ", ".join(filter(None, (tag.group, tag.details)))
    return "", where, printable(tag.head), printable(word), printable(more)


def _one_line(result: FrameTags) -> str:
    words = [f"{printable(tag.words)} {tag.score:.0%}" for tag in result.tags[:SHORT]]
    more = len(result.tags) - len(words)
    shown = ", ".join(words) + (f" (+{more})" if more else "")
    return f"{printable(_file(result))}  {result.spent.total_ms:.0f} ms  {shown or _none(result)}"


def _none(result: FrameTags) -> str:
    """Nothing is there, or nobody looked closely."""
    return ", ".join(filter(None, ("no tag", _left_out(result))))


def _left_out(result: FrameTags) -> str:
    count = sum(result.shed.values())
    return f"{counted(count, 'look')} left out" if count else ""


def _file(result: FrameTags) -> str:
    return f"{result.source} #{result.frame}" if result.frame else result.source


def _fit(cell: str, width: int) -> str:
    """Exactly `width` characters; the end of a long cell is what tells it from its siblings."""
    return cell.ljust(width) if len(cell) <= width else "…" + cell[1 - width :]
