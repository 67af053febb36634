"""The glance's heat map -> places where a closer look would pay. Pure; see `manifest.HeatMap`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import msgspec
import numpy as np

from edge.bundle.manifest import HeatMap
from edge.pictures.regions import alike
from edge.records import F32, Box

FAINT = 0.03  # heat below which a cell is cold
# Below this a spot gets a look only when there is nothing better to do: glances at 16 composed 4K
# scenes and their parts saw 30 things with a heat of 0.05 to 0.1, beside 64 other spots, and 11
# with 0.03 to 0.05, beside 67.
UNLIKELY = 0.05
MOST = 60  # spots of a frame
LEAST_PX = 20  # side of a thing that a closer look could name: none of less than 24 was learned
LIKELY = 0.4  # exponent: see `likely`


class Spot(msgspec.Struct, frozen=True):
    """A place where something may be."""

    box: Box  # where it seems to be, frame pixels
    heat: float  # probability that it is a thing of some head, 0..1


def likely(heat: float) -> float:
    """The probability, 0..1, that there is a thing near a spot of this heat. The heat itself is the
    probability that the middle of a thing lies in that very cell. In 20 composed 4K scenes there
    was a thing near spots of heat 0.07, 0.14, 0.25 and 0.45 in 0.37, 0.47, 0.67 and 0.75 of the
    cases (141, 143, 88 and 24 spots).
    """
    return math.pow(heat, LIKELY)


class Heat(msgspec.Struct, frozen=True, eq=False):
    """What a glance saw."""

    by_kind: F32  # (rows, columns, kinds) probabilities
    spots: tuple[Spot, ...]  # hottest first

    @property
    def any(self) -> F32:
        """(rows, columns): the hottest kind."""
        return np.asarray(self.by_kind.max(2), np.float32)


def read(heat: F32, geometry: F32, spec: HeatMap, width: int, height: int) -> Heat:
    """A row of each output -> heat over a frame of width x height px."""
    logits = heat.reshape(spec.rows, spec.columns, len(spec.kinds))
    by_kind = np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
    where = geometry.reshape(spec.rows, spec.columns, 3)
    return Heat(by_kind, tuple(_spots(by_kind.max(2), where, width, height)))


def _spots(heat: F32, geometry: F32, width: int, height: int) -> list[Spot]:
    """Local maxima, each with the box its cell predicts; of two on one thing the hotter."""
    rows, columns = heat.shape
    peaks = (heat >= FAINT) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    ys, xs = np.nonzero(peaks)
    order = np.argsort(-heat[ys, xs], kind="stable")[:MOST]
    found: list[Spot] = []
    for y, x in zip(ys[order], xs[order]):
        down, right, log_side = (float(v) for v in geometry[y, x])
        centre = (
            (x + min(1.5, max(-0.5, right))) * width / columns,
            (y + min(1.5, max(-0.5, down))) * height / rows,
        )
        side = float(np.exp2(np.clip(log_side, -6, 0))) * max(width, height)
        if side < LEAST_PX:
            continue
        spot = Spot(_square(centre, side, width, height), float(heat[y, x]))
        if not any(alike(spot.box, other.box) for other in found):
            found.append(spot)
    return found


def _square(centre: tuple[float, float], side: float, width: int, height: int) -> Box:
    """A box about `centre`, cut off at the frame's edge; at least one pixel."""
    x, y = min(max(centre[0], 0), width - 1), min(max(centre[1], 0), height - 1)
    x0, y0 = max(0, int(x - side / 2)), max(0, int(y - side / 2))
    x1, y1 = min(width, int(x + side / 2) + 1), min(height, int(y + side / 2) + 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def boxes_of(mask: F32, width: int, height: int, least: float = 0.0) -> Sequence[Box]:
    """Frame boxes around the connected cells above `least`."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask > least).astype(np.uint8))
    rows, columns = mask.shape
    return [
        (
            int(x * width / columns),
            int(y * height / rows),
            int(-(-(x + w) * width // columns)),
            int(-(-(y + h) * height // rows)),
        )
        for x, y, w, h, _ in stats[1:count]
    ]
