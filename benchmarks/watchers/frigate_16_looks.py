"""Frigate's rule for fine-grained classes, written anew from its description.

What moves is looked at, in a square of 1.35 times its longest side and 320 px or more, one region
after the other; what stands still, every 50th frame. At the start the cells of an 8 x 8 grid are
scanned, eight a frame. Each thing is classified at most 16 times, in a square of 224 px or more
about it; its tag is told after three looks of which 60 % agree. There is no budget.
Described in blakeblackshear/frigate (MIT), docs and source; ../shared/reference/performance.md 1.3.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.contenders.frigate_grid import GROWN, LEAST_PX, cells
from benchmarks.looking import Look, longest, look_at, square
from benchmarks.watchers import Watched
from benchmarks.watchers.following import Followed, Motion, follow, moved_to
from edge.pictures import pixels
from edge.records import Planes, Region, Tag
from edge.tagger import Tagger

MOST_LOOKS = 16
LEAST_VOTES, AGREE = 3, 0.6
STATIONARY_EVERY = 50  # frames
CLASSIFY_PX = 224
GONE = 5  # detections in a row that find nothing there
A_FRAME = 8  # cells of the start-up scan


class Frigate16Looks:
    def __init__(self, tagger: Tagger, budget_ms: float = 0.0) -> None:
        self._tagger, self._motion = tagger, Motion()
        self._things: list[Followed] = []
        self._frame = -1
        self._scan: list[Region] | None = None

    def frame(self, picture: Planes, at_s: float) -> Watched:
        self._frame += 1
        width, height = pixels.size(picture)
        if self._scan is None:
            self._scan = cells(width, height, np.random.default_rng(0))
        looks: list[Look] = []
        for thing in follow(self._things, self._motion.boxes(picture), self._frame):
            side = max(LEAST_PX, GROWN * longest(thing.box))
            looks += self._detect(picture, thing, square(thing.box, side, width, height))
            looks += self._classify(picture, thing)
        for thing in self._standing():
            looks += self._classify(picture, thing)
        looks += self._scanned(picture)
        self._things = [thing for thing in self._things if thing.empty < GONE]
        return Watched(tuple(self._told()), tuple(looks))

    def _detect(self, picture: Planes, thing: Followed, region: Region) -> tuple[Look, ...]:
        looks = look_at(self._tagger, picture, [region])
        thing.empty = 0 if _narrow(self._tagger, looks[0]) else thing.empty + 1
        return looks

    def _classify(self, picture: Planes, thing: Followed) -> tuple[Look, ...]:
        if thing.looks >= MOST_LOOKS:
            return ()
        side = max(CLASSIFY_PX, longest(thing.box))
        looks = look_at(self._tagger, picture, [square(thing.box, side, *pixels.size(picture))])
        thing.looks, thing.looked = thing.looks + 1, self._frame
        thing.tags = tuple(_narrow(self._tagger, looks[0]))
        thing.votes.update({(tag.head, tag.tag) for tag in thing.tags})
        return looks

    def _standing(self) -> list[Followed]:
        """Things that are due although nothing moved: new ones, and every 50th frame."""
        still = [t for t in self._things if t.seen < self._frame]
        return [
            t for t in still
            if t.looks < LEAST_VOTES or self._frame - t.looked >= STATIONARY_EVERY
        ]  # fmt: skip

    def _scanned(self, picture: Planes) -> tuple[Look, ...]:
        """The next cells of the start-up scan; where one holds something, a thing begins."""
        assert self._scan is not None
        now, self._scan = self._scan[:A_FRAME], self._scan[A_FRAME:]
        looks = look_at(self._tagger, picture, now)
        for look in looks:
            if _narrow(self._tagger, look):
                self._things.append(Followed(look.region.box, self._frame, self._frame))
        return looks

    def _told(self) -> Iterator[Tag]:
        for thing in self._things:
            for tag in thing.tags:
                votes = thing.votes[tag.head, tag.tag]
                if votes >= LEAST_VOTES and votes >= AGREE * thing.looks:
                    yield moved_to(tag, thing.box)


def _narrow(tagger: Tagger, look: Look) -> list[Tag]:
    """Tags of heads that name a thing, not of those that describe a scene."""
    names = {head.name for head in tagger.heads if head.kind == "softmax"}
    return [tag for tag in look.tags if tag.head in names]
