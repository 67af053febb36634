"""Lines, areas and words drawn on an array, in place. Colours RGB, lengths px."""

from __future__ import annotations

import cv2

from edge.process import printable
from edge.records import U8, Box

FONT = cv2.FONT_HERSHEY_SIMPLEX
Colour = tuple[int, int, int]


class Ink:
    """Words of one size; `line_px` apart."""

    def __init__(self, size_px: float) -> None:
        """Of a capital letter with the room above and below it."""
        self.size_px = size_px
        self.line_px = round(size_px * 1.45)

    def write(
        self, canvas: U8, words: str, x: int, y: int, colour: Colour, scale: float = 1.0
    ) -> int:
        """`words` with the upper left corner of their line at (x, y); where they end."""
        size, thick = self._font(scale)
        (wide, tall), _ = cv2.getTextSize(printable(words), FONT, size, thick)
        middle = y + self.line_px // 2
        at = x, middle + self._ascent(scale) // 2
        cv2.putText(canvas, printable(words), at, FONT, size, colour, thick, cv2.LINE_AA)
        return x + wide if tall else x

    def write_right(
        self, canvas: U8, words: str, right: int, y: int, colour: Colour, scale: float = 1.0
    ) -> int:
        """`words` that end at `right`; where they begin."""
        x = right - self.width(words, scale)
        self.write(canvas, words, x, y, colour, scale)
        return x

    def width(self, words: str, scale: float = 1.0) -> int:
        size, thick = self._font(scale)
        return int(cv2.getTextSize(printable(words), FONT, size, thick)[0][0])

    def fitted(self, words: str, width: int, scale: float = 1.0) -> str:
        """As much of `words` as `width` holds, with dots where something is left out."""
        if self.width(words, scale) <= width:
            return words
        kept = words
        while kept and self.width(kept + "..", scale) > width:
            kept = kept[:-1]
        return kept + ".."

    def _font(self, scale: float) -> tuple[float, int]:
        size = max(0.3, self.size_px * scale / 30)
        return size, max(1, round(size * 1.35))

    def _ascent(self, scale: float) -> int:
        size, thick = self._font(scale)
        return int(cv2.getTextSize("0", FONT, size, thick)[0][1])


def fill(canvas: U8, box: Box, colour: Colour, opacity: float = 1.0) -> None:
    """An area; of less than full opacity, what lies below shows through."""
    x0, y0, x1, y1 = _inside(canvas, box)
    if x0 >= x1 or y0 >= y1:
        return
    part = canvas[y0:y1, x0:x1]
    part[:] = colour if opacity >= 1 else part * (1 - opacity) + [c * opacity for c in colour]


def outline(canvas: U8, box: Box, colour: Colour, thick: int, opacity: float = 1.0) -> None:
    """The edge of a box, inside it."""
    x0, y0, x1, y1 = _inside(canvas, box)
    sides = (
        (x0, y0, x1, y0 + thick),
        (x0, y1 - thick, x1, y1),
        (x0, y0 + thick, x0 + thick, y1 - thick),
        (x1 - thick, y0 + thick, x1, y1 - thick),
    )
    for side in sides:
        fill(canvas, side, colour, opacity)


def dashes(
    canvas: U8, box: Box, colour: Colour, thick: int, dash: int, opacity: float = 1.0
) -> None:
    """The edge of a box, in dashes as long as the gaps between them."""
    x0, y0, x1, y1 = _inside(canvas, box)
    for x in range(x0, x1, 2 * dash):
        end = min(x + dash, x1)
        fill(canvas, (x, y0, end, y0 + thick), colour, opacity)
        fill(canvas, (x, y1 - thick, end, y1), colour, opacity)
    for y in range(y0, y1, 2 * dash):
        end = min(y + dash, y1)
        fill(canvas, (x0, y, x0 + thick, end), colour, opacity)
        fill(canvas, (x1 - thick, y, x1, end), colour, opacity)


def disc(canvas: U8, x: int, y: int, radius: int, colour: Colour) -> None:
    """A filled circle about (x, y), smooth at its edge."""
    cv2.circle(canvas, (x, y), radius, colour, -1, cv2.LINE_AA)


def _inside(canvas: U8, box: Box) -> Box:
    height, width = canvas.shape[:2]
    return max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
