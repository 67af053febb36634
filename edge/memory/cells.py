"""What is known of each part of a frame: when it was last looked at, and what is found there.

A grid over the frame, the same one as the glance's. Pure functions of frozen records.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from edge.records import F32, F64, Box, NDArray, Region

NEVER = -1e9  # s
DECAY = 0.98  # of what looks found there, a look: shops are rearranged
EXPECTED = 0.1  # of looks, before the first, to find something
COUNTS = 3.0  # looks, that expectation
WAIT_S = 10.0  # what nobody looked at for so long is overdue


class Cells(msgspec.Struct, frozen=True, eq=False):
    """(rows, columns) each."""

    looked_s: F64  # when a closer look last covered the cell; NEVER
    hits: F32  # of a Beta distribution: looks there that found something, decayed
    blanks: F32  # and that found nothing

    @property
    def shape(self) -> tuple[int, int]:
        return self.looked_s.shape[0], self.looked_s.shape[1]


def unseen(rows: int, columns: int) -> Cells:
    """Before the first frame."""
    size = (rows, columns)
    return Cells(
        np.full(size, NEVER, np.float64),
        np.full(size, COUNTS * EXPECTED, np.float32),
        np.full(size, COUNTS * (1 - EXPECTED), np.float32),
    )


def after_look(
    cells: Cells, region: Region, found: bool, at_s: float, width: int, height: int
) -> Cells:
    """The cells after a closer look at a region of a frame of width x height px."""
    rows, columns = _span(cells.shape, region.box, width, height)
    looked_s, hits, blanks = cells.looked_s.copy(), cells.hits.copy(), cells.blanks.copy()
    looked_s[rows, columns] = at_s
    hits[rows, columns] = DECAY * hits[rows, columns] + found
    blanks[rows, columns] = DECAY * blanks[rows, columns] + (not found)
    return Cells(looked_s, hits, blanks)


def cells_of_boxes(
    boxes: Sequence[Box], rows: int, columns: int, width: int, height: int
) -> NDArray[np.bool_]:
    """(N, rows, columns): the cells of each box."""
    found = np.zeros((len(boxes), rows, columns), bool)
    for one, box in zip(found, boxes):
        one[_span((rows, columns), box, width, height)] = True
    return found


def all_ages_s(cells: Cells, held: NDArray[np.bool_], at_s: float) -> F64:
    """(N,): the longest that a cell of each box has not been looked at; inf when never."""
    oldest = np.where(held, cells.looked_s, np.inf).min((1, 2))
    return np.where(oldest > NEVER, at_s - oldest, np.inf)


def ages_s(cells: Cells, at_s: float) -> F32:
    """(rows, columns): how long each cell has not been looked at closely; inf when never."""
    ages = np.where(cells.looked_s > NEVER, at_s - cells.looked_s, np.inf)
    return np.asarray(ages, np.float32)


def all_rates(cells: Cells, held: NDArray[np.bool_]) -> F32:
    """(N,): of each box what `rate` says."""
    rates = cells.hits / (cells.hits + cells.blanks)
    return np.asarray(np.where(held, rates, 0).max((1, 2)), np.float32)


def rate(cells: Cells, box: Box, width: int, height: int) -> float:
    """The share of looks at the best cell of `box` that found something, 0..1."""
    rows, columns = _span(cells.shape, box, width, height)
    hits = cells.hits[rows, columns]
    return float((hits / (hits + cells.blanks[rows, columns])).max())


def covered(cells: Cells, at_s: float, within_s: float) -> float:
    """The share of the frame that was looked at closely within the last `within_s`."""
    return float((cells.looked_s >= at_s - within_s).mean())


def oldest_s(cells: Cells, at_s: float, began_s: float) -> float:
    """How long the longest forgotten cell has waited; since `began_s` when it was never seen."""
    oldest = float(cells.looked_s.min())
    return at_s - (oldest if oldest > NEVER else began_s)


def _span(shape: tuple[int, int], box: Box, width: int, height: int) -> tuple[slice, slice]:
    """The cells whose centres lie in `box`; of a box smaller than a cell, the one it lies in."""
    rows, columns = shape
    return _along(box[1], box[3], rows, height), _along(box[0], box[2], columns, width)


def _along(start: int, end: int, cells: int, length: int) -> slice:
    first = int(np.ceil(start * cells / length - 0.5))
    last = int(np.floor(end * cells / length - 0.5)) + 1
    if last <= first:
        first = min(cells - 1, int((start + end) / 2 * cells / length))
        last = first + 1
    return slice(max(0, first), min(cells, last))
