"""Pieces of a frame that may be fish: what differs from its ground, and what an outline knows."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import msgspec
import numpy as np

from edge.length.colours import filled, step_along, steps
from edge.length.ground import grounds_of, padding
from edge.length.outline import Outliner
from edge.pictures.lab import to_lab
from edge.pictures.pixels import shrink_into, size
from edge.pictures.regions import union
from edge.records import F32, U8, Box, NDArray, Picture, Region

FRAME_PX = 512  # longer side of the frame that pieces are looked for in
LINES = (4.0, 8.0, 16.0)  # deviations from the ground at which things may begin
SMALLEST = 0.0015  # of the frame: a smaller piece is dirt
PIECES = 40  # of a frame, the largest
KNOWN = 0.3  # least promise of a piece that an outline knows, whatever its shape
WHOLE = 0.7  # of a piece that an outline knows, in one that is shaped like a fish: the same fish
MOSTLY = 0.6  # of what is found by colours, known by an outline: no board, no shadow
TAILED = 0.6  # of all that an outline knows in it, a body whose tail it sees as another piece
MAIN = 0.85  # of all that an outline knows in it: the rest is a scrap of the same fish
SAME = 0.3  # of a piece, in one that an outline knows: so much, and it is the same


class Rough(msgspec.Struct, frozen=True, eq=False):
    """What a frame's pieces were found in."""

    owner: NDArray[np.int32]  # (h, w) number of the piece, from 1; 0: ground
    boxes: tuple[Box, ...]  # of the pieces, px of the small frame
    alike: tuple[float, ...]  # how much each may be a fish by its outline, 0..1

    def promising(self, least: float) -> list[int]:
        """Numbers of the pieces that may be fish, the likeliest first."""
        order = sorted(range(len(self.alike)), key=lambda n: -self.alike[n])
        return [n + 1 for n in order if self.alike[n] >= least]


def pieces_of(picture: Picture, outliner: Outliner | None = None) -> Rough:
    """What lies on the ground of a frame, largest first: of several readings of the frame, the one
    in which most looks like fish; before them what an outliner knows for fish, where there is one.
    """
    width, height = size(picture)
    shrink = min(1.0, FRAME_PX / max(width, height))
    small = np.empty((max(8, round(height * shrink)), max(8, round(width * shrink)), 3), np.uint8)
    shrink_into(picture, Region(0, 0, width, height, "full"), small)
    is_nothing = padding(small)
    lab = to_lab(np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.uint8))
    changes = steps(lab)
    readings = [_pieces(held, changes) for held in _readings(lab, is_nothing)]
    best = max(readings, key=lambda reading: reading[1])[0]
    if outliner is None:
        return best
    held = _solid(((outliner.maps(small).every >= 0.5) & ~is_nothing).astype(np.uint8))
    return _joined(_pieces(held, changes)[0], best)


def _joined(learned: Rough, coloured: Rough) -> Rough:
    """Pieces that an outline knows, then those of the others that lie elsewhere."""
    owner, boxes = learned.owner.copy(), list(learned.boxes)
    alike = [max(one, KNOWN) for one in learned.alike]
    for number, box in enumerate(coloured.boxes, 1):
        own = coloured.owner == number
        within = np.bincount(owner[own], minlength=len(boxes) + 1)
        within[0] = 0
        most = int(np.argmax(within))
        is_one = within[most] >= MAIN * within.sum() or _are_one(owner, within, most)
        is_whole = is_one and within[most] > WHOLE * (owner == most).sum()
        is_mostly = within[most] >= MOSTLY * own.sum()  # spread fins make a fish less slender
        if most and is_whole and (is_mostly or coloured.alike[number - 1] >= KNOWN):
            for scrap in set(np.nonzero(within)[0].tolist()) - {most}:
                alike[scrap - 1] = 0.0
            owner[own] = most  # from afar the outline sees less of a fish than colours do
            boxes[most - 1] = union([boxes[most - 1], box])
            alike[most - 1] = max(alike[most - 1], coloured.alike[number - 1])
        elif (owner[own] > 0).mean() < SAME:
            boxes.append(box)
            alike.append(coloured.alike[number - 1])
            owner[own & (owner == 0)] = len(boxes)
    return Rough(owner, tuple(boxes), tuple(alike))


def _are_one(owner: NDArray[np.int32], within: NDArray[np.int64], most: int) -> bool:
    """Do the other pieces lie where the largest ends, small and in its line, as a tail does?"""
    own = owner == most
    others = np.isin(owner, np.flatnonzero(within)) & ~own  # `within` counts no ground
    if within[most] < TAILED * within.sum() or not others.any():
        return False
    (x, y), (wide, tall), degrees = cv2.minAreaRect(np.argwhere(own)[:, ::-1].astype(np.float32))
    angle = np.deg2rad(degrees + (90 if wide < tall else 0))
    along = np.array([np.cos(angle), np.sin(angle)])
    apart = np.argwhere(others)[:, ::-1].mean(0) - (x, y)
    long, broad = max(wide, tall), min(wide, tall)
    aside = abs(float(along[0] * apart[1] - along[1] * apart[0]))
    return bool(abs(float(apart @ along)) > 0.4 * long and aside < 0.5 * broad)


def _readings(lab: F32, is_nothing: NDArray[np.bool_]) -> Iterator[U8]:
    """Masks of all that differs, by each ground and each line; the dearest guess first."""
    for ground in grounds_of(lab, is_nothing):
        differs = ground.differs(lab)
        differs[is_nothing] = 0
        for line in LINES:
            yield _solid((differs > line).astype(np.uint8))


def _pieces(held: U8, changes: F32) -> tuple[Rough, float]:
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
    return Rough(owner, boxes, alike), worth * step_along(edge, changes)


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


def _solid(held: U8) -> U8:
    """Without specks and threads, without holes."""
    opened = cv2.morphologyEx(held, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return filled(np.asarray(opened, np.uint8))
