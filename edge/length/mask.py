"""A piece from near: how much of each pixel is the fish.

Colours of the piece against colours around it say it of every pixel; an outliner, where there is
one, says first what is likely, and colours add to that as far as they tell.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge.length.colours import by_colour
from edge.length.ground import padding
from edge.length.outline import OutlineMaps, Outliner
from edge.length.pieces import Rough
from edge.pictures.pixels import crop_into, size
from edge.pictures.regions import overlap
from edge.records import F32, F64, U8, Box, NDArray, Picture, Region

NEAR_PX = 384  # longer side of a piece from near
FINEST = 0.5  # frame px a px of it: smaller pieces are enlarged, so that edges blur less
MARGIN = 0.15  # around a piece, of its longer side
DIAGONAL = 1.2  # the whole, in diagonals of the piece: as much as an outline has learned with
ANOTHER = 0.3  # overlap below which an outline is of something else
WITHIN = 0.6  # of it, in a piece: then it is of that piece, whatever else the piece is
CENTRED = 3  # times, at most, that a crop is cut again
MOSTLY = 0.65  # overlap of a piece and the fish in it from which its crop stays
MOVED = 0.8  # overlap of crops below which one is cut again, about what was found
TRUSTED = 0.8  # overlap from which colours and outline mean the same
BLUR_PX = 2.0  # of the steps of what was seen from afar
CROWD = 0.15  # of a piece: a smaller one beside it hides nothing


class Piece(msgspec.Struct, frozen=True, eq=False):
    """Something on the ground, from near."""

    box: Box  # of what was cut, frame px
    soft: F32  # (h, w) 0..1: how much of each pixel it is; a half at its edge
    scale: float  # frame px a px of `soft`
    is_crowded: bool = False  # another piece lies against it, or the picture ends there
    sure: float | None = None  # 0..1: what an outliner says of its being a fish; None: not asked

    @property
    def mask(self) -> U8:
        """(h, w) 0 or 1."""
        return (self.soft >= 0.5).astype(np.uint8)

    def to_frame(self, points: F64) -> F64:
        """px of `soft` (N, 2) -> px of the frame; the middle of the first pixel is at 0, 0."""
        corner = np.array(self.box[:2], np.float64)
        return (points + 0.5) * self.scale - 0.5 + corner


def near(
    picture: Picture, rough: Rough, number: int, outliner: Outliner | None = None
) -> list[Piece]:
    """A piece of `rough`, by its number from 1, from near: as an outliner and colours draw it
    together, where it knows it, as colours do, and, where an outliner may tell which is a fish, as
    it was seen from afar. None where nothing is left of it.
    """
    width, height = size(picture)
    rows, columns = rough.owner.shape
    scale = np.array([width / columns, height / rows] * 2)
    slack = 2 * float(scale[0])
    x0, y0, x1, y1 = (np.array(rough.boxes[number - 1]) * scale).tolist()
    box = _around((x0, y0, x1, y1), slack, (width, height), outliner is not None)
    view, told, owner = _seen(picture, box, outliner, rough)
    for _ in range(CENTRED):
        better = _centred(told, box, owner == number, (width, height))
        if better is None:
            break
        box = better
        view, told, owner = _seen(picture, box, outliner, rough)
    is_piece, is_nothing = owner == number, padding(view)
    beside = _large(owner, number) | is_nothing
    found: list[tuple[F32 | None, NDArray[np.bool_]]] = []
    if (known := _known(told, is_piece)) is not None:
        found.append((_known_soft(view, known, is_nothing), _beside(known) | is_nothing))
    found.append((by_colour(view, is_piece, owner > 0, is_nothing), beside))
    if told is not None:
        found.append((_afar(is_piece), beside))
    return [_piece(soft, box, around, told) for soft, around in found if soft is not None]


def _seen(
    picture: Picture, box: Box, outliner: Outliner | None, rough: Rough
) -> tuple[U8, OutlineMaps | None, NDArray[np.int32]]:
    """What a box shows, at most NEAR_PX, what an outliner says of it, and the pieces in it."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    scale = max(FINEST, max(wide, tall) / NEAR_PX)
    view = np.empty((max(8, round(tall / scale)), max(8, round(wide / scale)), 3), np.uint8)
    crop_into(picture, Region(*box), view)
    told = None if outliner is None else outliner.maps(view)
    return view, told, _owner_near(rough.owner, box, *size(picture), view.shape[:2])


def _centred(
    told: OutlineMaps | None, box: Box, is_piece: NDArray[np.bool_], frame: tuple[int, int]
) -> Box | None:
    """About the fish that an outliner found, where it lies elsewhere than the box was cut for. A
    piece that is mostly that fish is seen whole: what the outliner leaves out may be its tail.
    """
    if told is None:
        return None
    held = largest((told.meant >= 0.5).astype(np.uint8))
    x, y, w, h = cv2.boundingRect(held)
    if min(w, h) < 3 or iou(held > 0, is_piece) >= MOSTLY:
        return None
    scale = (box[2] - box[0]) / held.shape[1]
    left, top = box[0] + x * scale, box[1] + y * scale
    better = _around((left, top, left + w * scale, top + h * scale), 0.0, frame, True)
    return better if overlap(better, box) < MOVED else None


def _piece(soft: F32, box: Box, beside: NDArray[np.bool_], told: OutlineMaps | None) -> Piece:
    """beside  where what hides a part of it may lie"""
    sure = None if told is None else _sure(soft, _known(told, soft >= 0.5))
    scale = (box[2] - box[0]) / soft.shape[1]
    return Piece(box, soft, scale, _touches(soft, beside), sure)


def _afar(is_piece: NDArray[np.bool_]) -> F32 | None:
    """As it was found in the small frame: there the ground was known around it, and a thin tail of
    nearly the ground's colours may show in no other way. Its edges are rougher.
    """
    even = np.asarray(cv2.GaussianBlur(is_piece.astype(np.float32), (0, 0), BLUR_PX), np.float32)
    held = largest((even >= 0.5).astype(np.uint8))
    return np.asarray(even * held, np.float32) if held.any() else None


def _known(told: OutlineMaps | None, is_piece: NDArray[np.bool_]) -> OutlineMaps | None:
    """What an outliner says, if its fish is the piece, or in it."""
    if told is None or not (held := told.meant >= 0.5).any():
        return None
    is_same = iou(held, is_piece) >= ANOTHER or (held & is_piece).sum() >= WITHIN * held.sum()
    return told if is_same else None


def _beside(known: OutlineMaps) -> NDArray[np.bool_]:
    """Other fish; what is thin is an edge that it is not sure of."""
    others = ((known.every >= 0.5) & (known.meant < 0.5)).astype(np.uint8)
    thin = np.ones((2 * max(1, round(known.cell_px)) + 1,) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(others, cv2.MORPH_OPEN, thin) > 0)


def _known_soft(view: U8, known: OutlineMaps, is_nothing: NDArray[np.bool_]) -> F32:
    """How much of each pixel is the fish that an outliner knows, (h, w)."""
    is_piece = known.meant >= 0.5
    soft = by_colour(view, is_piece, known.every >= 0.5, is_nothing, known.meant)
    if soft is None or iou(soft >= 0.5, is_piece) < TRUSTED:
        return known.meant  # colours do not tell it from its ground
    return soft


def _sure(soft: F32, known: OutlineMaps | None) -> float:
    """Of its being a fish: what the outline says inside its edge."""
    held = soft >= 0.5
    return 0.0 if known is None or not held.any() else float(known.meant[held].mean())


def _large(owner: NDArray[np.int32], number: int) -> NDArray[np.bool_]:
    """Where other pieces lie that are large enough to hide a part of it."""
    counts = np.bincount(owner.ravel())
    own = counts[number] if number < len(counts) else 0
    large = [n for n, count in enumerate(counts) if n not in (0, number) and count > CROWD * own]
    return np.isin(owner, large)


def largest(held: U8) -> U8:
    """The largest part of a mask that hangs together."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(held, connectivity=4)
    if len(stats) < 2:
        return held
    main = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == main, np.uint8)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union, 0..1."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def _touches(soft: F32, beside: NDArray[np.bool_]) -> bool:
    """Does something else lie along a part of its edge?"""
    mask = (soft >= 0.5).astype(np.uint8)
    ring = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0) & (mask == 0)
    return bool((ring & beside).sum() > 0.04 * ring.sum())


def fish_outline(piece: Piece) -> tuple[F64, float]:
    """A piece's outline in the frame (M, 2), and the share of its hull that it fills, 0..1."""
    outlines, _ = cv2.findContours(piece.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    full = cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    return piece.to_frame(outline[:, 0].astype(np.float64)), float(full)


def _around(box: tuple[float, ...], slack: float, frame: tuple[int, int], is_square: bool) -> Box:
    """A box of the frame with its margin; square, as far as the frame goes."""
    x0, y0, x1, y1 = box
    wide, tall = x1 - x0, y1 - y0
    long, diagonal = max(wide, tall), float(np.hypot(wide, tall))
    more = max(MARGIN * long, (DIAGONAL * diagonal - long) / 2) + slack
    right, below = (more + (long - s) / 2 if is_square else more for s in (wide, tall))
    return (max(0, int(x0 - right)), max(0, int(y0 - below)),
            min(frame[0], int(x1 + right) + 1), min(frame[1], int(y1 + below) + 1))  # fmt: skip


def _owner_near(
    owner: NDArray[np.int32], box: Box, width: int, height: int, shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """The part of `owner` that a box shows, at the box's own scale."""
    rows, columns = owner.shape
    x = (box[0] + (np.arange(shape[1]) + 0.5) * (box[2] - box[0]) / shape[1]) * columns / width
    y = (box[1] + (np.arange(shape[0]) + 0.5) * (box[3] - box[1]) / shape[0]) * rows / height
    row, column = np.minimum(y.astype(int), rows - 1), np.minimum(x.astype(int), columns - 1)
    return np.asarray(owner[row[:, None], column[None]])
