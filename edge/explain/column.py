"""A column of text, filled from the top down: headings, rows of cells, keys, bars. Lengths px."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.explain.ink import Colour, Ink, fill, outline
from edge.records import U8

BACK, CARD = (22, 25, 31), (36, 40, 49)
TEXT, MUTED, FAINT = (236, 239, 244), (156, 165, 179), (74, 82, 96)


class Column:
    """Colours are RGB; widths are given in letters where they are said to be."""

    def __init__(self, ink: Ink, wide: int, height: int) -> None:
        """wide  in letters"""
        self.ink, self.line, self.letter = ink, ink.line_px, ink.size_px
        self.canvas: U8 = np.full((height, round(wide * self.letter), 3), BACK, np.uint8)
        self.left = round(self.letter)
        self.right = self.canvas.shape[1] - self.left
        self.y = self.line // 2  # where the next line begins

    @property
    def middle(self) -> int:
        """Of the next line."""
        return self.y + self.line // 2

    def skip(self, lines: float) -> None:
        self.y += round(lines * self.line)

    def at(self, letters: float) -> int:
        """The x that is so far from the left edge."""
        return self.left + round(letters * self.letter)

    def heading(self, name: str, words: str) -> None:
        """A line: `name` at its left, `words` at its right, a rule below."""
        self.ink.write(self.canvas, name, self.left, self.y, MUTED, 0.8)
        self.ink.write_right(self.canvas, words, self.right, self.y, TEXT, 0.9)
        self.skip(1)
        top = self.y - round(self.line * 0.08)
        fill(self.canvas, (self.left, top, self.right, top + 1), FAINT)

    def small(self, words: str, x: int) -> int:
        """In the next line, which stays the next; where the words end."""
        return self.ink.write(self.canvas, words, x, self.y, MUTED, 0.8)

    def swatch(self, x: int, colour: Colour) -> int:
        """A square of colour in the next line; where its words begin."""
        side = round(self.letter * 0.6)
        box = x, self.middle - side // 2, x + side, self.middle - side // 2 + side
        fill(self.canvas, box, colour)
        if colour == CARD:
            outline(self.canvas, box, FAINT, 1)
        return x + round(1.5 * side)

    def keys(self, words: Sequence[tuple[Colour, str]]) -> None:
        """A line of swatches, each with what it means."""
        x = self.left
        for colour, word in words:
            x = self.small(word, self.swatch(x, colour)) + round(1.2 * self.letter)
        self.skip(1)

    def cells(
        self, cells: Sequence[str], starts: Sequence[float], colour: Colour, scale: float = 0.9
    ) -> None:
        """In the next line, which stays the next: each cell from its start, in letters, on."""
        edges = [*(self.at(start) for start in starts), self.right + self.letter // 3]
        for cell, x, end in zip(cells, edges, edges[1:]):
            words = self.ink.fitted(cell, round(end - x - self.letter // 3), scale)
            self.ink.write(self.canvas, words, x, self.y, colour, scale)

    def bar(self, x: int, share: float, colour: Colour) -> None:
        """0..1, with its number, from `x` to the right edge of the next line."""
        tall = round(self.line * 0.3)
        end = self.right - self.ink.width("100%", 0.8) - round(self.letter * 0.4)
        full = x + round((end - x) * min(1.0, max(0.0, share)))
        top = self.middle - tall // 2
        fill(self.canvas, (x, top, end, top + tall), CARD)
        fill(self.canvas, (x, top, full, top + tall), colour)
        self.ink.write_right(self.canvas, f"{share:.0%}", self.right, self.y, TEXT, 0.8)
