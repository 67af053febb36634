"""Boxes and labels drawn on a picture, so that one can read them. Colours RGB, lengths px."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import msgspec
import numpy as np
from msgspec import UNSET

from edge.explain.ink import FONT, Colour
from edge.pictures.regions import shared_px
from edge.records import U8, Box, Tag

COLOURS = (  # dark enough for white letters, one a head
    (200, 30, 45),
    (20, 110, 190),
    (15, 130, 75),
    (150, 60, 170),
    (185, 95, 0),
    (0, 120, 130),
    (120, 85, 60),
    (190, 40, 120),
)
STRIP = (32, 32, 32)  # behind the caption
AREA = (255, 213, 74)  # lines of zones, as on the live page
MIN_SIDE, MAX_SIDE = 480, 8192  # a picture is enlarged or reduced to lie between them
MAX_LINES = 8  # of the caption


Area = tuple[str, Sequence[Sequence[float]]]  # its name, and its corners: shares of the frame


class Label(msgspec.Struct, frozen=True):
    """One line of lettering and the plate behind it."""

    text: str
    colour: Colour
    width: int
    height: int


class Pen:
    """Letters whose size follows the picture: about one fiftieth of its longer side."""

    def __init__(self, longer_px: int) -> None:
        self.scale = max(0.45, longer_px / 1600)
        self.line_px = max(2, round(self.scale * 2.5))
        self._thickness = max(1, round(self.scale * 1.6))
        self._margin = max(2, round(self.scale * 5))
        # the same for all labels, or those of one box would not stack
        (_, self._ascent), self._descent = cv2.getTextSize("Ågj", FONT, self.scale, self._thickness)

    def label(self, text: str, colour: Colour) -> Label:
        (width, _), _ = cv2.getTextSize(text, FONT, self.scale, self._thickness)
        height = self._ascent + self._descent + 2 * self._margin
        return Label(text, colour, width + 2 * self._margin, height)

    def draw(self, canvas: U8, label: Label, x: int, y: int) -> None:
        """`label` with its upper left corner at (x, y)."""
        cv2.rectangle(canvas, (x, y), (x + label.width, y + label.height), label.colour, -1)
        x, y = x + self._margin, y + self._margin + self._ascent
        # the outline is drawn by shifting: OpenCV 5 spaces bold letters wider than thin ones
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            self._write(canvas, label.text, (x + dx, y + dy), (0, 0, 0))
        self._write(canvas, label.text, (x, y), (255, 255, 255))

    def _write(self, canvas: U8, text: str, at: tuple[int, int], colour: Colour) -> None:
        cv2.putText(canvas, text, at, FONT, self.scale, colour, self._thickness, cv2.LINE_AA)


def annotate(
    pixels: U8, tags: Sequence[Tag], colours: dict[str, Colour], areas: Sequence[Area] = ()
) -> U8:
    """A copy of the picture with its tags: boxes on it, tags of the whole frame in a strip below;
    and areas of the frame with their names.

    `colours` gives each head its colour and is filled as heads come. Very small pictures come back
    larger and very large ones smaller, never wider or higher than 8192 px without the strip.
    """
    height, width = pixels.shape[:2]
    canvas, zoom = _resized(pixels)
    pen = Pen(max(canvas.shape[:2]))
    boxed = [tag for tag in tags if tag.box != (0, 0, width, height)]
    whole = [tag for tag in tags if tag.box == (0, 0, width, height)]
    taken = _draw_areas(canvas, areas, (round(width * zoom), round(height * zoom)), pen)
    _draw_boxed(canvas, boxed, zoom, pen, colours, taken)
    return np.vstack([canvas, _strip(canvas.shape[1], whole, pen, colours)])


def colours_of(heads: Iterable[str]) -> dict[str, Colour]:
    """By their order, for `annotate`."""
    colours: dict[str, Colour] = {}
    for head in heads:
        _colour(head, colours)
    return colours


def draw_outline(canvas: U8, tag: Tag, zoom: float, colour: Colour, wide_px: int) -> None:
    """Around what was measured, on a frame that is drawn `zoom` times as large."""
    if tag.outline is UNSET:
        return
    points = ((np.array(tag.outline) + 0.5) * zoom).round().astype(np.int32)
    cv2.polylines(canvas, [points], True, colour, wide_px, cv2.LINE_AA)


def places(label: Label, box: Box, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Where a label may stand: at the upper left of its box first, then down, up, right."""
    last_x, last_y = max(width - label.width, 0), max(height - label.height, 0)
    for x in dict.fromkeys((min(box[0], last_x), min(max(box[2] - label.width, 0), last_x))):
        yield from ((x, y) for y in range(min(box[1], last_y), last_y + 1, label.height))
        yield from ((x, y) for y in range(min(box[1], last_y) - label.height, -1, -label.height))


def free_place(
    label: Label, box: Box, taken: Sequence[Box], width: int, height: int
) -> tuple[int, int] | None:
    """The first place that covers no other label; None when the frame is full."""
    for x, y in places(label, box, width, height):
        plate = (x, y, x + label.width, y + label.height)
        if not any(shared_px(plate, other) for other in taken):
            return x, y
    return None


def _draw_areas(canvas: U8, areas: Sequence[Area], size: tuple[int, int], pen: Pen) -> list[Box]:
    """Their lines, and their names in the middle; what the names cover."""
    taken: list[Box] = []
    for name, corners in areas:
        points = (np.array(corners) * (np.array(size) - 1)).round().astype(np.int32)
        for colour, wide_px in (((0, 0, 0), 2 * pen.line_px), (AREA, max(1, pen.line_px // 2))):
            cv2.polylines(canvas, [points], True, colour, wide_px, cv2.LINE_AA)
        label = pen.label(name, STRIP)
        middle = points.mean(axis=0) - (label.width // 2, label.height // 2)
        x, y = (max(0, round(float(at))) for at in middle)
        pen.draw(canvas, label, x, y)
        taken.append((x, y, x + label.width, y + label.height))
    return taken


def _draw_boxed(
    canvas: U8,
    tags: Sequence[Tag],
    zoom: float,
    pen: Pen,
    colours: dict[str, Colour],
    taken: list[Box],
) -> None:
    """All boxes first, labels over them, the best tag first to choose its place."""
    pending: list[tuple[Label, Box]] = []
    for tag in tags:
        colour = _colour(tag.head, colours)
        x0, y0, x1, y1 = (round(edge_px * zoom) for edge_px in tag.box)
        cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), colour, pen.line_px)
        draw_outline(canvas, tag, zoom, colour, pen.line_px)
        pending.append((pen.label(_words(tag), colour), (x0, y0, x1, y1)))
    height, width = canvas.shape[:2]
    for label, box in pending:
        at = free_place(label, box, taken, width, height)
        if at is not None:  # a label on another one would hide both
            pen.draw(canvas, label, *at)
            taken.append((*at, at[0] + label.width, at[1] + label.height))


def _strip(width: int, tags: Sequence[Tag], pen: Pen, colours: dict[str, Colour]) -> U8:
    """The caption, (lines, width, 3): labels side by side, in as many lines as they need."""
    labels = [pen.label(f"{tag.head}: {_words(tag)}", _colour(tag.head, colours)) for tag in tags]
    if not labels:
        return np.zeros((0, width, 3), np.uint8)
    gap, line_px = pen.line_px, max(label.height for label in labels) + pen.line_px
    spots: list[tuple[Label, int, int]] = []
    x, line = gap, 0
    for label in labels:
        if x > gap and x + label.width > width:
            x, line = gap, line + 1
        spots.append((label, x, line))
        x += label.width + gap
    lines = min(line + 1, MAX_LINES)
    strip = np.full((lines * line_px + gap, width, 3), STRIP, np.uint8)
    for label, at_x, at_line in spots:
        if at_line < lines:
            pen.draw(strip, label, at_x, at_line * line_px + gap)
    return strip


def _resized(pixels: U8) -> tuple[U8, float]:
    """A copy, its longer side MIN_SIDE to MAX_SIDE px, at least MIN_SIDE wide; and its zoom."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    zoom = min(max(1.0, MIN_SIDE / longer), MAX_SIDE / longer)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    canvas = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    missing = MIN_SIDE - canvas.shape[1]  # a narrow picture still needs room for its caption
    if missing > 0:
        canvas = np.pad(canvas, ((0, 0), (0, missing), (0, 0)), constant_values=STRIP[0])
    return canvas.copy(), zoom


def _words(tag: Tag) -> str:
    return tag.words if tag.words != tag.tag else f"{tag.tag} {tag.score:.0%}"


def _colour(head: str, colours: dict[str, Colour]) -> Colour:
    return colours.setdefault(head, COLOURS[len(colours) % len(COLOURS)])
