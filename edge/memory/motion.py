"""What moves in the frames of one camera now, since when, and how long it had rested before.

Bounded: one grid, and the samples of one frame.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.glance.gate import Gate, moved, step_px, tight
from edge.memory.sweep import COLUMNS, ROWS
from edge.pictures import pixels
from edge.pictures.regions import shared
from edge.records import F32, Box, Picture, Region

WAKES = 0.5  # share of the frame: when so much changes, what was seen in places is out of date
CAME_S = 2.0  # without motion: what moves there after that has come
SHOWN = 0.5  # of what came must a look hold, and of its own side must that fill
WAITS_S = 2.0  # for a look, what came in a frame that had no time for one


class Motion:
    """Of frames of width x height px."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._gate = Gate()
        self._last_s = np.full((ROWS, COLUMNS), -np.inf)  # when something last moved, by cell
        self._rested_s = np.zeros((ROWS, COLUMNS))  # without motion, before what moves now
        self._began_s = np.inf
        self._waiting: dict[Box, float] = {}  # what came and was not looked at -> when it came
        self.now: F32 = np.zeros((ROWS, COLUMNS), np.float32)  # 0..1, by cell

    def see(self, picture: Picture, at_s: float) -> None:
        """A new frame, compared with the one before. at_s: on the frames' clock."""
        luma = pixels.luma_grid(picture, step_px(*self._size, ROWS, COLUMNS))
        self._gate, self.now = moved(self._gate, luma, ROWS, COLUMNS)
        self._began_s = min(self._began_s, at_s)
        rested_s = at_s - np.maximum(self._last_s, self._began_s)
        self._rested_s = np.where(self.now > 0, rested_s, 0.0)
        self._last_s = np.where(self.now > 0, at_s, self._last_s)
        self._waiting = {
            box: came_s
            for box, came_s in self._waiting.items()
            if at_s - came_s <= WAITS_S and not self.is_at(box)
        }

    @property
    def is_any(self) -> bool:
        """Does anything move?"""
        return bool(self.now.any())

    @property
    def is_awake(self) -> bool:
        """Does so much move that it is another scene?"""
        return float((self.now > 0).mean()) >= WAKES

    def is_at(self, box: Box) -> bool:
        """Does anything move in a box?"""
        return bool(self.now[self._cells(box)].any())

    def last_s(self, box: Box | None = None) -> float:
        """When something last moved, in a box or at all; -inf: never."""
        return float((self._last_s if box is None else self._last_s[self._cells(box)]).max())

    def tight(self, box: Box) -> Box:
        """What moves within a box; the box where nothing does."""
        return tight(self._gate, box, *self._size)

    def wait(self, moved: Iterable[Box], at_s: float) -> None:
        """What came in these boxes waits for a look, also if it stands still from now on."""
        self._waiting |= dict.fromkeys(filter(self.has_come, moved), at_s)

    def looked(self, region: Region) -> None:
        """A closer look was made there; one at far more than what came shows little of it."""
        side = SHOWN * max(region.x1 - region.x0, region.y1 - region.y0)
        self._waiting = {
            (x0, y0, x1, y1): came_s
            for (x0, y0, x1, y1), came_s in self._waiting.items()
            if max(x1 - x0, y1 - y0) < side or shared((x0, y0, x1, y1), region.box) < SHOWN
        }

    @property
    def waiting(self) -> list[Box]:
        """What came, and was not looked at yet."""
        return list(self._waiting)

    def has_come(self, box: Box) -> bool:
        """Whether something moved, in full view, where nothing had for CAME_S: wind moves things
        all the time, and of what enters at an edge more will be seen soon.
        """
        if box in self._waiting:
            return True
        (x0, y0, x1, y1), (width, height) = box, self._size
        is_cut = x0 <= 0 or y0 <= 0 or x1 >= width or y1 >= height
        return not is_cut and bool(self._rested_s[self._cells(box)].max() >= CAME_S)

    def _cells(self, box: Box) -> tuple[slice, slice]:
        """Of the grid, those that a box lies in."""
        width, height = self._size
        y0, y1 = box[1] * ROWS // height, -(-box[3] * ROWS // height)
        x0, x1 = box[0] * COLUMNS // width, -(-box[2] * COLUMNS // width)
        return slice(y0, y1), slice(x0, x1)
