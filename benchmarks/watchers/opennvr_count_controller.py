"""OpenNVR's budget controller, written anew from its description: so many regions a frame.

Regions are what moved, at least 320 px wide, then tiles of the frame in turn. The number a frame
falls to a half when frames take longer than the budget and rises by one when there is headroom;
smoothed, and only after three frames in a row; between 1 and 8. Where there are more regions than
that, they rotate. Frames without work are no evidence (a fault that was mended).
Described in open-nvr/open-nvr (AGPL, not copied), pull requests 265, 325, 327, 392.
"""

from __future__ import annotations

from time import perf_counter

from benchmarks.looking import longest, look_at, square
from benchmarks.watchers import Watched
from benchmarks.watchers.following import Followed, Motion, follow, moved_to
from edge.pictures import pixels, regions
from edge.records import Box, Planes, Region, Tag
from edge.tagger import Tagger

MOST, LEAST_PX = 8, 320
SMOOTH = 0.3  # weight of the newest frame
STREAK = 3  # frames
HEADROOM = 0.7  # of the budget
FORGOTTEN = 10  # frames after which something that moved is gone


class CountController:
    def __init__(self, tagger: Tagger, budget_ms: float) -> None:
        self._tagger, self._motion = tagger, Motion()
        self._things: list[Followed] = []
        self._by_tile: dict[Box, tuple[Tag, ...]] = {}
        self._tiles: list[Region] = []
        self._frame, self._turn = -1, 0
        self.count = Count(budget_ms)

    def frame(self, picture: Planes, at_s: float) -> Watched:
        begin = perf_counter()
        self._frame += 1
        size = pixels.size(picture)
        if not self._tiles:
            self._tiles = regions.grid(*size, 640, 128)
        moved = follow(self._things, self._motion.boxes(picture), self._frame)
        wanted: list[tuple[Region, Followed | None]] = [
            (square(t.box, max(LEAST_PX, longest(t.box)), *size), t) for t in moved
        ]
        wanted = self._rotated(wanted)
        spare = self.count.now - len(wanted)
        wanted += [(tile, None) for tile in self._next_tiles(spare)]
        looks = look_at(self._tagger, picture, [region for region, _ in wanted])
        for (region, thing), look in zip(wanted, looks):
            if thing is None:
                self._by_tile[region.box] = look.tags
            else:
                thing.tags, thing.looks = look.tags, thing.looks + 1
        self._things = [t for t in self._things if self._frame - t.seen < FORGOTTEN]
        if wanted:
            self.count.took((perf_counter() - begin) * 1e3)
        return Watched(self._told(), looks)

    def _rotated(
        self, wanted: list[tuple[Region, Followed | None]]
    ) -> list[tuple[Region, Followed | None]]:
        if len(wanted) <= self.count.now:
            return wanted
        start = self._turn % len(wanted)
        self._turn += self.count.now
        return (wanted[start:] + wanted[:start])[: self.count.now]

    def _next_tiles(self, spare: int) -> list[Region]:
        taken = max(0, spare)
        found, self._tiles = self._tiles[:taken], self._tiles[taken:] + self._tiles[:taken]
        return found

    def _told(self) -> tuple[Tag, ...]:
        things = [moved_to(tag, thing.box) for thing in self._things for tag in thing.tags]
        return (*things, *(tag for tags in self._by_tile.values() for tag in tags))


class Count:
    """How many regions a frame gets."""

    def __init__(self, budget_ms: float) -> None:
        self.now = MOST
        self._budget_ms = budget_ms
        self._smooth_ms: float | None = None
        self._above = self._below = 0

    def took(self, ms: float) -> None:
        """A frame with work took so long."""
        before = ms if self._smooth_ms is None else self._smooth_ms
        self._smooth_ms = before + SMOOTH * (ms - before)
        self._above = self._above + 1 if self._smooth_ms > self._budget_ms else 0
        self._below = self._below + 1 if self._smooth_ms < HEADROOM * self._budget_ms else 0
        if self._above >= STREAK:
            self._set(self.now // 2)
        elif self._below >= STREAK:
            self._set(self.now + 1)

    def _set(self, count: int) -> None:
        self.now = min(MOST, max(1, count))
        self._smooth_ms, self._above, self._below = None, 0, 0
