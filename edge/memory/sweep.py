"""Exploration of a frame: which of its tiles have waited long enough for a look, and what of the
budget exploration is owed. Bounded: a grid of cells, and the tiles of one frame size.
"""

from __future__ import annotations

import math

import numpy as np

from edge.memory import cells
from edge.pictures import regions
from edge.pictures.regions import shared_px
from edge.records import F32, Box, Region
from edge.schedule.candidates import Item
from edge.schedule.plan import NOTHING

ROWS = COLUMNS = 24  # of the grid
OVERLAP = 5  # of a tile is what neighbours share: more shows little more, and costs more tiles
FINER = 60  # tiles that are smaller than usual, at most: a quarter of a second on a fast CPU
COVERED = 0.25  # of a tile: less of it moved is left to its neighbours, which overlap
BACKLOG = 2.0  # turns that were missed and are made good; more at once would be felt
TURN = 2 * NOTHING  # worth at least of a tile that has its turn: it keeps ages even
MOVED = 2.0  # times as likely to show something new as a place of its kind that did not move
CAME = 5.0  # and so many times, where nothing had moved before
NEWEST = 0.1  # what a look at what moved counts in how many of them find something


class Sweep:
    """Of one frame size, from one moment on: `at_s`, any clock that runs with the frames."""

    def __init__(
        self, width: int, height: int, input_px: int, at_s: float, *, finer: int = 0
    ) -> None:
        """finer: sizes of smaller tiles, in small frames, for what a glance misses."""
        self._size = width, height
        tile_px = regions.tile_px_for(width, height, input_px)
        overlap_px = tile_px // OVERLAP
        self._tiles = regions.grid(width, height, tile_px, overlap_px) if tile_px else []
        fine = regions.finer_tiles(width, height, input_px, FINER, finer)
        self._tiles += fine
        self._fine = frozenset(tile.box for tile in fine)
        self._held = cells.cells_of_boxes(
            [t.box for t in self._tiles], ROWS, COLUMNS, width, height
        )
        self._cells = cells.unseen(ROWS, COLUMNS)
        self._began_s = self._now_s = self._woke_s = at_s
        self._waiting = 0.0  # tiles whose turn has come
        self._pace = 1  # of them a frame: those that wait longer come one by one, too
        self._owed_ms = 0.0
        self._found = MOVED * cells.EXPECTED  # the share of looks at what moved that find something

    @property
    def is_small(self) -> bool:
        """Does one look at all of the frame show everything there is to see?"""
        return not self._tiles

    def is_fine(self, tile: Region) -> bool:
        """Is it a tile of a smaller size than usual?"""
        return tile.box in self._fine

    def pass_to(self, at_s: float) -> None:
        """Let time go by: tiles get their turns one by one, so that all have one in WAIT_S."""
        turns = len(self._tiles) * max(0.0, at_s - self._now_s) / cells.WAIT_S
        self._waiting = min(min(self._waiting, BACKLOG) + turns, float(len(self._tiles)))
        self._pace = math.ceil(turns)
        self._now_s = at_s

    def wake(self) -> None:
        """Another scene: nothing was looked at."""
        self._woke_s = self._now_s

    def items(self, hidden: float = 1.0, *, is_busy: bool = False) -> list[Item]:
        """The tiles that wait for a look, the longest forgotten first: all of a new scene, and then
        as many as have their turn. Where nothing else tells of things, the new ones wait for none.

        hidden   the share of things that nothing else tells of
        is_busy  the frame has more to do than usual: a turn waits for the next one to come
        """
        turns, takes_new = int(self._waiting + 1e-9), hidden >= 1 or self._is_new
        turns = 0 if is_busy and turns <= self._pace else min(turns, self._pace)
        if not turns and not takes_new:
            return []
        ages = cells.all_ages_s(self._cells, self._held, self._now_s)
        if takes_new:
            turns = max(turns, int((ages > self._now_s - self._woke_s).sum()))
        order = np.argsort(-ages, kind="stable")[:turns]
        # What nobody ever looked at is as if it had waited, but not due before it has.
        unseen_s = np.full_like(ages, cells.WAIT_S) if self._is_new else ages
        late_s = np.minimum(unseen_s, self._now_s - self._began_s) - cells.WAIT_S
        # That a look finds something new: the share of looks there that did, more so with time.
        new = cells.all_rates(self._cells, self._held) * (1 - np.exp(-unseen_s / cells.WAIT_S))
        worths = np.maximum(hidden * new, TURN)
        return [Item(self._tiles[n].box, float(worths[n]), "aged", float(late_s[n])) for n in order]

    def owed_ms(self, given_ms: float, cost_ms: float) -> float:
        """What exploration may keep of a frame's budget: what it is given, and what it could not
        use before because a look costs more than that.
        """
        self._owed_ms = min(self._owed_ms, cost_ms) + given_ms
        return self._owed_ms

    def looked(self, region: Region, found: bool) -> None:
        """A closer look was made, whatever for."""
        self._cells = cells.after_look(self._cells, region, found, self._now_s, *self._size)

    def looked_at_moved(self, found: bool) -> None:
        """A look at what moved was made: a belt carries things, but wind only moves leaves."""
        self._found += NEWEST * (found - self._found)

    def explored(self, cost_ms: float) -> None:
        """A look was made for exploration."""
        self._waiting = max(0.0, self._waiting - 1)
        self._owed_ms = max(0.0, self._owed_ms - cost_ms)

    def moved_items(self, box: Box, has_come: bool = False) -> list[Item]:
        """What a look could show of a box in which something moved, or came: the box, or the tiles
        that it covers much of where no tile could hold it.
        """
        tiles, more = [tile.box for tile in self._tiles], CAME if has_come else MOVED
        if not tiles or max(box[2] - box[0], box[3] - box[1]) <= tiles[0][2] - tiles[0][0]:
            return [Item(box, self._worth_of_moved(box, more), "moved")]
        held = [t for t in tiles if shared_px(t, box) >= COVERED * (t[2] - t[0]) * (t[3] - t[1])]
        return [Item(t, self._worth_of_moved(t, more), "moved", moved_tile=True) for t in held]

    def coverage(self) -> float:
        return 1.0 if self.is_small else cells.covered(self._cells, self._now_s, cells.WAIT_S)

    def oldest_s(self) -> float:
        if self.is_small:
            return 0.0
        return cells.oldest_s(self._cells, self._now_s, self._began_s)

    def ages_s(self) -> F32 | None:
        """(rows, columns) since the last closer look, inf when never; None: one look shows all."""
        return None if self.is_small else cells.ages_s(self._cells, self._now_s)

    def _worth_of_moved(self, box: Box, more: float) -> float:
        """How likely a look at it finds a thing: a tree in the wind always moves and is none."""
        usual = self._found / cells.EXPECTED
        return min(1.0, max(more, usual) * cells.rate(self._cells, box, *self._size))

    @property
    def _is_new(self) -> bool:
        """Is this the first frame of a scene?"""
        return self._now_s == self._woke_s
