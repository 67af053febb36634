"""Glances at parts of a frame, in which things appear larger: where they go, what they are worth,
and how the heat of a part is joined with that of the frame. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from edge.glance.heat import Heat, Spot
from edge.pictures.regions import alike, tile_starts
from edge.records import F32, Box, NDArray, Region

ALONG = 2  # parts along each side of the frame: things are twice as large in them
OVERLAP = 0.1  # of a part: a thing of up to that is whole in one of them
LEAST = 4  # inputs along the longer side: a smaller frame's glance shows what there is
# How many more things a glance at a part shows than the glance at the whole frame did: MISSED for
# each thing that one was likely to show there, and UNSEEN in any case. Set so that a part of
# composed 4K scenes shows some 0.6 more, as was measured.
MISSED, UNSEEN = 0.4, 0.25


def parts(width: int, height: int, input_px: int) -> list[Region]:
    """The parts of a frame, row by row; none where they would show no more.

    input_px  longer side of a closer look's input
    """
    if max(width, height) < LEAST * input_px:
        return []
    wide, tall = (round(side / (ALONG - (ALONG - 1) * OVERLAP)) for side in (width, height))
    overlaps = int(wide * OVERLAP) - ALONG, int(tall * OVERLAP) - ALONG  # sides are rounded
    return [
        Region(x, y, x + wide, y + tall, "part")
        for y in tile_starts(height, tall, max(0, overlaps[1]))
        for x in tile_starts(width, wide, max(0, overlaps[0]))
    ]


def expected(part: Box, known: Iterable[tuple[Box, float]]) -> float:
    """How many things a glance at a part would show anew.

    known: boxes, and how likely each is that of a thing
    """
    seen = sum(likely for box, likely in known if holds(part, box))
    return UNSEEN + MISSED * seen


def holds(part: Box, box: Box) -> bool:
    """Does the middle of a box lie in a part?"""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return part[0] <= x < part[2] and part[1] <= y < part[3]


def shifted(heat: Heat, part: Region, width: int, height: int) -> Heat:
    """What a glance at a part told, its spots in px of the frame of width x height px.

    What the part's edge cuts is left out: a neighbour shows all of it.
    """
    x0, y0, x1, y1 = part.box
    edges = (
        0 if x0 else -1,
        0 if y0 else -1,
        x1 - x0 if x1 < width else -1,
        (y1 - y0 if y1 < height else -1),
    )
    whole = [s for s in heat.spots if not any(a == b for a, b in zip(s.box, edges))]
    return Heat(heat.by_kind, tuple(_moved(spot, x0, y0) for spot in whole))


def joined(heat: Heat | None, told: Heat, part: Region, width: int, height: int) -> Heat:
    """The frame's heat with that of a part, as `shifted` gave it: in every cell the hotter of both.

    The part shows more, so of two spots on one thing its own counts. None: nothing else was seen.
    """
    by_kind = np.zeros_like(told.by_kind) if heat is None else heat.by_kind.copy()
    rows = _within(by_kind.shape[0], part.y0, part.y1, height)
    columns = _within(by_kind.shape[1], part.x0, part.x1, width)
    if rows.size and columns.size:
        where = np.ix_(rows, columns)
        by_kind[where] = np.maximum(by_kind[where], _coarser(told.by_kind, rows.size, columns.size))
    before = () if heat is None else heat.spots
    others = [s for s in before if not any(alike(s.box, own.box) for own in told.spots)]
    spots = sorted([*told.spots, *others], key=lambda spot: -spot.heat)
    return Heat(by_kind, tuple(spots))


def _moved(spot: Spot, x: int, y: int) -> Spot:
    x0, y0, x1, y1 = spot.box
    return replace(spot, box=(x0 + x, y0 + y, x1 + x, y1 + y))


def _within(cells: int, start: int, end: int, length: int) -> NDArray[np.intp]:
    """The cells along a side whose middles lie in [start, end) px of `length`."""
    middles = (np.arange(cells) + 0.5) * length / cells
    return np.nonzero((middles >= start) & (middles < end))[0]


def _coarser(heat: F32, rows: int, columns: int) -> F32:
    """The hottest of the cells that become one."""
    tall = np.maximum.reduceat(heat, np.arange(rows) * heat.shape[0] // rows, axis=0)
    return np.maximum.reduceat(tall, np.arange(columns) * heat.shape[1] // columns, axis=1)
