"""Masks of the things that lie on a ground, without any learned network.

First on the small frame: where it differs from its ground, in pieces. Then each piece from near:
colours of the piece against colours around it say of every pixel which of the two it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import msgspec
import numpy as np

from edge.length.ground import grounds_of, padding, to_lab
from edge.length.outline import Outliner
from edge.pictures.pixels import crop_into, shrink_into, size
from edge.records import F32, U8, Box, NDArray, Picture, Region

FRAME_PX = 512  # longer side of the frame that pieces are looked for in
NEAR_PX = 384  # longer side of a piece from near
FINEST = 0.5  # frame px a px of it: smaller pieces are enlarged, so that edges blur less
MARGIN = 0.15  # around a piece, of its longer side
DIAGONAL = 1.2  # the whole, in diagonals of the piece: as much as an outline has learned with
LINES = (4.0, 8.0, 16.0)  # deviations from the ground at which things may begin
SMALLEST = 0.0015  # of the frame: a smaller piece is dirt
PIECES = 40  # of a frame, the largest
ANOTHER = 0.3  # overlap below which an outline is of something else
TRUSTED = 0.85  # overlap from which colours and outline mean the same
MOST_STEP = 40.0  # of colour, across three pixels: more says no more
ODDS = (0.85, 0.65, 0.5, 0.35)  # of being the piece, at which its edge may lie
CROWD = 0.15  # of a piece: a smaller one beside it hides nothing
BINS = (20, 24, 24)  # of L, a, b
LAB_FROM, LAB_STEP = np.array([0.0, -60.0, -60.0]), np.array([5.0, 5.0, 5.0])


class Piece(msgspec.Struct, frozen=True, eq=False):
    """Something on the ground, from near."""

    box: Box  # of what was cut, frame px
    soft: F32  # (h, w) 0..1: how much of each pixel it is; a half at its edge
    scale: float  # frame px a px of `soft`
    is_crowded: bool = False  # another piece lies against it, or the picture ends there

    @property
    def mask(self) -> U8:
        """(h, w) 0 or 1."""
        return (self.soft >= 0.5).astype(np.uint8)

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """px of `soft` (N, 2) -> px of the frame; the middle of the first pixel is at 0, 0."""
        corner = np.array(self.box[:2], np.float64)
        return (points + 0.5) * self.scale - 0.5 + corner


class Rough(msgspec.Struct, frozen=True, eq=False):
    """What a frame's pieces were found in."""

    owner: NDArray[np.int32]  # (h, w) number of the piece, from 1; 0: ground
    boxes: tuple[Box, ...]  # of the pieces, px of the small frame
    alike: tuple[float, ...]  # how much each may be a fish by its outline, 0..1

    def promising(self, least: float) -> list[int]:
        """Numbers of the pieces that may be fish, the likeliest first."""
        order = sorted(range(len(self.alike)), key=lambda n: -self.alike[n])
        return [n + 1 for n in order if self.alike[n] >= least]


def pieces_of(picture: Picture) -> Rough:
    """What lies on the ground of a frame, largest first: of several readings of the frame, the one
    in which most looks like fish.
    """
    width, height = size(picture)
    shrink = min(1.0, FRAME_PX / max(width, height))
    small = np.empty((max(8, round(height * shrink)), max(8, round(width * shrink)), 3), np.uint8)
    shrink_into(picture, Region(0, 0, width, height, "full"), small)
    is_nothing = padding(small)
    lab = to_lab(np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.uint8))
    steps = _steps(lab)
    readings = [_pieces(held, steps) for held in _readings(lab, is_nothing)]
    return max(readings, key=lambda reading: reading[1])[0]


def _readings(lab: F32, is_nothing: NDArray[np.bool_]) -> Iterator[U8]:
    """Masks of all that differs, by each ground and each line; the dearest guess first."""
    for ground in grounds_of(lab, is_nothing):
        differs = ground.differs(lab)
        differs[is_nothing] = 0
        for line in LINES:
            yield _solid((differs > line).astype(np.uint8))


def _steps(lab: F32) -> F32:
    """How much the colour changes at each pixel, (H, W)."""
    square = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.morphologyEx(lab, cv2.MORPH_GRADIENT, square).max(2), np.float32)


def _pieces(held: U8, steps: F32) -> tuple[Rough, float]:
    """Its pieces, and how much of them may be fish: a shadow fades, a fish ends in a step."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(held, connectivity=4)
    least = SMALLEST * held.size
    order = [n for n in np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable") + 1
             if stats[n, cv2.CC_STAT_AREA] >= least][:PIECES]  # fmt: skip
    renamed = np.zeros(count, np.int32)
    renamed[order] = np.arange(1, len(order) + 1)
    boxes = tuple((int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[order])
    owner = renamed[labels]
    alike = tuple(slender((owner[y0:y1, x0:x1] == n).astype(np.uint8), is_cut(box, held.shape))
                  for n, box in enumerate(boxes, 1) for x0, y0, x1, y1 in [box])  # fmt: skip
    areas = stats[order, cv2.CC_STAT_AREA] / held.size
    worth = float(sum(a * share**0.8 for a, share in zip(alike, areas)))
    edge = (held > 0) & (cv2.erode(held, np.ones((3, 3), np.uint8)) == 0)
    edge &= np.array([False, *(a > 0.1 for a in alike)])[owner]
    step = float(np.sqrt(np.minimum(steps[edge], MOST_STEP)).mean()) if edge.any() else 0.0
    return Rough(owner, boxes, alike), worth * step


def is_cut(box: Box, shape: tuple[int, ...]) -> bool:
    """Does it reach the rim of what it was found in?"""
    return box[0] <= 0 or box[1] <= 0 or box[2] >= shape[1] or box[3] >= shape[0]


def slender(mask: U8, is_cut: bool) -> float:
    """How much a piece may be a fish by its outline alone, 0..1: long, full, no bar, no ring."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    area = float(mask.sum())
    hull = max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    _, sides, _ = cv2.minAreaRect(outline)
    long, short = max(sides) + 1, min(sides) + 1
    ratio, full, boxy = long / short, min(1.0, area / hull), area / (long * short)
    score = _within(ratio, 1.5, 2.2, 7.0, 10.0) * _within(full, 0.45, 0.72, 1.0, 1.01)
    score *= _within(boxy, 0.3, 0.42, 0.78, 0.95)
    return score * (0.5 if is_cut else 1.0)


def _within(value: float, none: float, whole: float, still: float, gone: float) -> float:
    """1 between `whole` and `still`, falling to 0 at `none` and at `gone`."""
    return float(np.interp(value, [none, whole, still, gone], [0, 1, 1, 0]))


def near(
    picture: Picture, rough: Rough, number: int, outliner: Outliner | None = None
) -> Piece | None:
    """A piece of `rough`, by its number from 1, from near; None where nothing is left of it.

    Colours draw its edge; an outliner, where there is one, says first what it is the edge of.
    """
    width, height = size(picture)
    rows, columns = rough.owner.shape
    box = _around(rough.boxes[number - 1], columns, rows, width, height)
    wide, tall = box[2] - box[0], box[3] - box[1]
    scale = max(FINEST, max(wide, tall) / NEAR_PX)
    view = np.empty((max(8, round(tall / scale)), max(8, round(wide / scale)), 3), np.uint8)
    crop_into(picture, Region(*box), view)
    owner = _owner_near(rough.owner, box, width, height, view.shape[:2])
    is_nothing = padding(view)
    is_piece = owner == number
    learned = None if outliner is None else outliner.soft(view)
    if learned is not None and iou(learned >= 0.5, is_piece) < ANOTHER:
        learned = None
    if learned is not None:
        is_piece = learned >= 0.5
    soft = _told(view, is_piece, owner > 0, is_nothing)
    if learned is not None and (soft is None or iou(soft >= 0.5, is_piece) < TRUSTED):
        soft = learned  # colours do not tell it from its ground
    if soft is None:
        return None
    counts = np.bincount(owner.ravel())
    own = counts[number] if number < len(counts) else 0
    large = [n for n, count in enumerate(counts) if n not in (0, number) and count > CROWD * own]
    beside = np.isin(owner, large) | is_nothing
    return Piece(box, soft, wide / view.shape[1], _touches(soft, beside))


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


def _solid(held: U8) -> U8:
    """Without specks and threads, without holes."""
    opened = cv2.morphologyEx(held, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return filled(np.asarray(opened, np.uint8))


def filled(held: U8) -> U8:
    """Every hole that does not reach the rim is filled."""
    outlines, _ = cv2.findContours(held, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(held), outlines, -1, 1, -1), np.uint8)


def _around(box: Box, columns: int, rows: int, width: int, height: int) -> Box:
    """A box of the small frame with its margin, in the frame."""
    across, down = width / columns, height / rows
    x0, y0, x1, y1 = box[0] * across, box[1] * down, box[2] * across, box[3] * down
    long, diagonal = max(x1 - x0, y1 - y0), float(np.hypot(x1 - x0, y1 - y0))
    more = max(MARGIN * long, (DIAGONAL * diagonal - long) / 2) + 2 * across
    return (max(0, int(x0 - more)), max(0, int(y0 - more)),
            min(width, int(x1 + more) + 1), min(height, int(y1 + more) + 1))  # fmt: skip


def _owner_near(
    owner: NDArray[np.int32], box: Box, width: int, height: int, shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """The part of `owner` that a box shows, at the box's own scale."""
    rows, columns = owner.shape
    x = (box[0] + (np.arange(shape[1]) + 0.5) * (box[2] - box[0]) / shape[1]) * columns / width
    y = (box[1] + (np.arange(shape[0]) + 0.5) * (box[3] - box[1]) / shape[0]) * rows / height
    row, column = np.minimum(y.astype(int), rows - 1), np.minimum(x.astype(int), columns - 1)
    return np.asarray(owner[row[:, None], column[None]])


def _told(
    view: U8,
    is_piece: NDArray[np.bool_],
    is_any: NDArray[np.bool_],
    is_nothing: NDArray[np.bool_],
) -> F32 | None:
    """How much of each pixel is the piece: by its colours against those around it. (h, w)"""
    reach = max(2, round(0.012 * max(view.shape[:2])))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inner = cv2.erode(is_piece.astype(np.uint8), disc) > 0
    outer = cv2.dilate(is_any.astype(np.uint8), disc) == 0
    outer &= ~is_nothing
    if inner.sum() < 20:
        inner = is_piece
    if inner.sum() < 20 or outer.sum() < 20:
        return is_piece.astype(np.float32) if is_piece.any() else None
    calm = np.asarray(cv2.GaussianBlur(view, (0, 0), 0.7), np.uint8)
    odds = _odds(to_lab(calm), inner, outer)
    grown = cv2.dilate(is_piece.astype(np.uint8), disc, iterations=3) > 0
    others = cv2.dilate((is_any & ~is_piece).astype(np.uint8), disc) > 0
    odds[~grown | is_nothing | (others & ~is_piece)] = 0
    odds[inner] = np.maximum(odds[inner], 0.6)
    even = np.asarray(cv2.GaussianBlur(odds, (0, 0), 1.0), np.float32)
    return _sharpest(even, is_piece, _steps(to_lab(calm)))


def _sharpest(odds: F32, is_piece: NDArray[np.bool_], steps: F32) -> F32 | None:
    """The piece at the odds at which its outline lies on the greatest steps of colour: where a
    shadow has its fish's colours, it still has no edge.
    """
    found: list[tuple[float, int, F32]] = []
    for least in ODDS:
        soft = _whole(np.clip(odds + (0.5 - least), 0, 1), is_piece)
        if soft is not None:
            mask = (soft >= 0.5).astype(np.uint8)
            edge = (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)
            step = float(np.sqrt(np.minimum(steps[edge], MOST_STEP)).mean()) if edge.any() else 0.0
            found.append((step * float(mask.sum()) ** 0.5, len(found), soft))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _odds(lab: F32, inner: NDArray[np.bool_], outer: NDArray[np.bool_]) -> F32:
    """0..1: of each pixel's colour, how much more common it is inside than outside."""
    index = np.clip((lab - LAB_FROM) / LAB_STEP, 0, np.array(BINS) - 1).astype(np.int32)
    flat = (index[..., 0] * BINS[1] + index[..., 1]) * BINS[2] + index[..., 2]
    own, other = (_smoothed(np.bincount(flat[held], minlength=int(np.prod(BINS))))
                  for held in (inner, outer))  # fmt: skip
    return np.asarray((own / (own + other))[flat], np.float32)


def _smoothed(counts: NDArray[np.int64]) -> F32:
    """A histogram of colours, each spread over its neighbours; sums to 1, nothing is 0."""
    cube: F32 = counts.astype(np.float32)
    for first, second, third in (BINS, (*BINS[1:], BINS[0]), (BINS[2], *BINS[:2])):
        flat = np.ascontiguousarray(cube.reshape(first, second * third))
        spread = cv2.GaussianBlur(flat, (1, 5), 0, sigmaY=0.8).reshape(first, second, third)
        cube = np.asarray(np.moveaxis(spread, 0, 2), np.float32)  # the next axis comes first
    whole = cube.ravel()
    return np.asarray(whole / whole.sum() + 1e-7, np.float32)


def _whole(soft: F32, is_piece: NDArray[np.bool_]) -> F32 | None:
    """The piece in one, its holes filled."""
    held = (soft >= 0.5).astype(np.uint8)
    opened = cv2.morphologyEx(held, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(opened, connectivity=4)
    if count < 2:
        return None
    sizes = np.bincount(labels[is_piece], minlength=count)
    sizes[0] = 0
    solid = filled((labels == int(np.argmax(sizes))).astype(np.uint8))
    edge = cv2.dilate(solid, np.ones((3, 3), np.uint8))
    inside = cv2.erode(solid, np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.where(inside, np.maximum(soft, 0.75), soft * edge), np.float32)
