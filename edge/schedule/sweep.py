"""Exploration of a frame: which of its tiles have waited long enough for a look, and what of the
budget exploration is owed. Bounded: a grid of cells, and the tiles of one frame size.
"""

from __future__ import annotations

from edge.memory import cells
from edge.pictures import regions
from edge.pictures.regions import shared_px
from edge.records import F32, Box, Region
from edge.schedule.candidates import Item

ROWS = COLUMNS = 24  # of the grid
FINER = 60  # tiles that are smaller than usual, at most: a quarter of a second on a fast CPU
COVERED = 0.25  # of a tile: less of it moved is left to its neighbours, which overlap
MOVED = 2.0  # times as likely to show something new as a place of its kind that did not move


class Sweep:
    """Of one frame size, from one moment on: `at_s`, any clock that runs with the frames."""

    def __init__(
        self, width: int, height: int, input_px: int, at_s: float, *, is_fine: bool = False
    ) -> None:
        """is_fine: where the frame is small enough, smaller tiles too, for what a glance misses."""
        self._size = width, height
        tile_px = regions.tile_px_for(width, height, input_px)
        overlap_px = regions.overlap_px_for(tile_px) if tile_px else 0
        self._tiles = regions.grid(width, height, tile_px, overlap_px) if tile_px else []
        if is_fine:
            self._tiles += regions.finer_tiles(width, height, input_px, FINER)
        self._cells = cells.unseen(ROWS, COLUMNS)
        self._began_s = self._now_s = self._woke_s = at_s
        self._waiting = float(len(self._tiles))  # tiles whose turn has come
        self._owed_ms = 0.0

    @property
    def is_small(self) -> bool:
        """Does one look at all of the frame show everything there is to see?"""
        return not self._tiles

    def pass_to(self, at_s: float) -> None:
        """Time goes by: as many tiles have their turn as keep the sweep going."""
        turns = len(self._tiles) * max(0.0, at_s - self._now_s) / cells.WAIT_S
        self._waiting = min(self._waiting + turns, float(len(self._tiles)))
        self._now_s = at_s

    def wake(self) -> None:
        """Another scene: every tile has its turn, the longest forgotten first."""
        self._waiting = float(len(self._tiles))
        self._woke_s = self._now_s

    def items(self, hidden: float = 1.0) -> list[Item]:
        """The tiles that wait for a look, the longest forgotten first.

        hidden  the share of things that nothing else tells of
        """
        turns = int(self._waiting + 1e-9)
        if turns < 1:
            return []
        ages = [cells.age_s(self._cells, t.box, self._now_s, *self._size) for t in self._tiles]
        old = [n for n, age_s in enumerate(ages) if self._is_new or age_s >= cells.WAIT_S / 2]
        order = sorted(old, key=lambda n: -ages[n])
        return [self._item(self._tiles[n], ages[n], hidden) for n in order[:turns]]

    def owed_ms(self, given_ms: float, cost_ms: float) -> float:
        """What exploration may keep of a frame's budget: what it is given, and what it could not
        use before because a look costs more than that.
        """
        self._owed_ms = min(self._owed_ms, cost_ms) + given_ms
        return self._owed_ms

    def looked(self, region: Region, found: bool) -> None:
        """A closer look was made, whatever for."""
        self._cells = cells.looked(self._cells, region, found, self._now_s, *self._size)

    def explored(self, cost_ms: float) -> None:
        """It was made for the sake of exploration."""
        self._waiting -= 1
        self._owed_ms = max(0.0, self._owed_ms - cost_ms)

    def is_due(self, box: Box) -> bool:
        """Was nothing seen of a box for long?"""
        return cells.age_s(self._cells, box, self._now_s, *self._size) >= cells.WAIT_S

    def moved_items(self, box: Box) -> list[Item]:
        """What a look could show of a box in which something moved: the box, or the tiles that it
        covers much of where no tile could hold it.
        """
        tiles = [tile.box for tile in self._tiles]
        if not tiles or max(box[2] - box[0], box[3] - box[1]) <= tiles[0][2] - tiles[0][0]:
            return [Item(box, self._worth_of_moved(box), "moved")]
        held = [t for t in tiles if shared_px(t, box) >= COVERED * (t[2] - t[0]) * (t[3] - t[1])]
        return [Item(t, self._worth_of_moved(t), "moved", moved_tile=True) for t in held]

    def coverage(self) -> float:
        return 1.0 if self.is_small else cells.covered(self._cells, self._now_s, cells.WAIT_S)

    def oldest_s(self) -> float:
        if self.is_small:
            return 0.0
        return cells.oldest_s(self._cells, self._now_s, self._began_s)

    def ages_s(self) -> F32 | None:
        """(rows, columns) since the last closer look, inf when never; None: one look shows all."""
        return None if self.is_small else cells.ages_s(self._cells, self._now_s)

    def _worth_of_moved(self, box: Box) -> float:
        """That a look at it finds a thing: a tree in the wind moves always, and is none."""
        return min(1.0, MOVED * cells.rate(self._cells, box, *self._size))

    @property
    def _is_new(self) -> bool:
        return self._now_s == self._woke_s

    def _item(self, tile: Region, age_s: float, hidden: float) -> Item:
        """In the first frame of a scene no place has waited, and all are as if they had."""
        waited_s = cells.WAIT_S if self._is_new else min(age_s, self._now_s - self._began_s)
        worth = hidden * cells.chance(self._cells, tile.box, waited_s, *self._size)
        return Item(tile.box, worth, "aged", waited_s - cells.WAIT_S)
