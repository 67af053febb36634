"""A piece from near: how much of each pixel is the fish.

Colours of the piece against colours around it say it of every pixel; an outliner, where there is
one, says first what it is the edge of, and colours move that edge by a cell or two.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge.length.colours import by_colour
from edge.length.ground import padding
from edge.length.outline import Outliner, Told
from edge.length.pieces import Rough
from edge.pictures.pixels import crop_into, size
from edge.records import F32, U8, Box, NDArray, Picture, Region

NEAR_PX = 384  # longer side of a piece from near
FINEST = 0.5  # frame px a px of it: smaller pieces are enlarged, so that edges blur less
MARGIN = 0.15  # around a piece, of its longer side
DIAGONAL = 1.2  # the whole, in diagonals of the piece: as much as an outline has learned with
ANOTHER = 0.3  # overlap below which an outline is of something else
TRUSTED = 0.85  # overlap from which colours and outline mean the same
CELLS = 1.5  # of an outline: so far colours may move its edge
CROWD = 0.15  # of a piece: a smaller one beside it hides nothing


class Piece(msgspec.Struct, frozen=True, eq=False):
    """Something on the ground, from near."""

    box: Box  # of what was cut, frame px
    soft: F32  # (h, w) 0..1: how much of each pixel it is; a half at its edge
    scale: float  # frame px a px of `soft`
    is_crowded: bool = False  # another piece lies against it, or the picture ends there
    sure: float | None = (
        None  # 0..1: what an outliner says of its being a fish; None: nothing asked
    )

    @property
    def mask(self) -> U8:
        """(h, w) 0 or 1."""
        return (self.soft >= 0.5).astype(np.uint8)

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """px of `soft` (N, 2) -> px of the frame; the middle of the first pixel is at 0, 0."""
        corner = np.array(self.box[:2], np.float64)
        return (points + 0.5) * self.scale - 0.5 + corner


def near(
    picture: Picture, rough: Rough, number: int, outliner: Outliner | None = None
) -> Piece | None:
    """A piece of `rough`, by its number from 1, from near; None where nothing is left of it."""
    width, height = size(picture)
    rows, columns = rough.owner.shape
    box = _around(rough.boxes[number - 1], columns, rows, width, height, outliner is not None)
    wide, tall = box[2] - box[0], box[3] - box[1]
    scale = max(FINEST, max(wide, tall) / NEAR_PX)
    view = np.empty((max(8, round(tall / scale)), max(8, round(wide / scale)), 3), np.uint8)
    crop_into(picture, Region(*box), view)
    owner = _owner_near(rough.owner, box, width, height, view.shape[:2])
    is_nothing = padding(view)
    told = None if outliner is None else outliner.told(view)
    is_known = told is not None and iou(told.meant >= 0.5, owner == number) >= ANOTHER
    known = told if is_known else None
    soft = _soft(view, owner, number, is_nothing, known)
    if soft is None:
        return None
    if known is None:
        beside = _large(owner, number) | is_nothing
    else:
        beside = (known.every >= 0.5) & (known.meant < 0.5) | is_nothing
    sure = None if told is None else _sure(soft, known)
    return Piece(box, soft, wide / view.shape[1], _touches(soft, beside), sure)


def _soft(
    view: U8,
    owner: NDArray[np.int32],
    number: int,
    is_nothing: NDArray[np.bool_],
    known: Told | None,
) -> F32 | None:
    """How much of each pixel is the piece, (h, w)."""
    if known is None:
        return by_colour(view, owner == number, owner > 0, is_nothing)
    is_piece = known.meant >= 0.5
    soft = by_colour(view, is_piece, known.every >= 0.5, is_nothing)
    if soft is None or iou(soft >= 0.5, is_piece) < TRUSTED:
        return known.meant  # colours do not tell it from its ground
    inner, outer = (cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 3)
                    for side in (is_piece, ~is_piece))  # fmt: skip
    near_edge = np.maximum(inner, outer) <= CELLS * known.cell_px
    return np.asarray(np.where(near_edge, soft, known.meant), np.float32)


def _sure(soft: F32, known: Told | None) -> float:
    """Of its being a fish: what the outline says inside its edge."""
    held = soft >= 0.5
    return 0.0 if known is None or not held.any() else float(known.meant[held].mean())


def _large(owner: NDArray[np.int32], number: int) -> NDArray[np.bool_]:
    """Where other pieces lie that are large enough to hide a part of it."""
    counts = np.bincount(owner.ravel())
    own = counts[number] if number < len(counts) else 0
    large = [n for n, count in enumerate(counts) if n not in (0, number) and count > CROWD * own]
    return np.isin(owner, large)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union, 0..1."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def _touches(soft: F32, beside: NDArray[np.bool_]) -> bool:
    """Does something else lie along a part of its edge?"""
    mask = (soft >= 0.5).astype(np.uint8)
    ring = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0) & (mask == 0)
    return bool((ring & beside).sum() > 0.04 * ring.sum())


def fish_outline(piece: Piece) -> tuple[NDArray[np.float64], float]:
    """A piece's outline in the frame (M, 2), and the share of its hull that it fills, 0..1."""
    outlines, _ = cv2.findContours(piece.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    full = cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    return piece.to_frame(outline[:, 0].astype(np.float64)), float(full)


def _around(box: Box, columns: int, rows: int, width: int, height: int, is_square: bool) -> Box:
    """A box of the small frame with its margin, in the frame; square, as far as the frame goes."""
    across, down = width / columns, height / rows
    x0, y0, x1, y1 = box[0] * across, box[1] * down, box[2] * across, box[3] * down
    wide, tall = x1 - x0, y1 - y0
    long, diagonal = max(wide, tall), float(np.hypot(wide, tall))
    more = max(MARGIN * long, (DIAGONAL * diagonal - long) / 2) + 2 * across
    right, below = (more + (long - s) / 2 if is_square else more for s in (wide, tall))
    return (max(0, int(x0 - right)), max(0, int(y0 - below)),
            min(width, int(x1 + right) + 1), min(height, int(y1 + below) + 1))  # fmt: skip


def _owner_near(
    owner: NDArray[np.int32], box: Box, width: int, height: int, shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """The part of `owner` that a box shows, at the box's own scale."""
    rows, columns = owner.shape
    x = (box[0] + (np.arange(shape[1]) + 0.5) * (box[2] - box[0]) / shape[1]) * columns / width
    y = (box[1] + (np.arange(shape[0]) + 0.5) * (box[3] - box[1]) / shape[0]) * rows / height
    row, column = np.minimum(y.astype(int), rows - 1), np.minimum(x.astype(int), columns - 1)
    return np.asarray(owner[row[:, None], column[None]])
