"""DeepStream's rule for a classifier behind a tracker, written anew from its description.

A detector sees every frame (`interval` 0, its default), a tracker follows what it finds, and a
thing is classified when it is new, when its area has grown by 20 % since, or when more frames than
`secondary-reinfer-interval` have passed; its last class is told in between. Detector: the glance of
the bundle; what moved, where the bundle has none. Crops are the things' boxes. The interval is 3 s,
90 frames of a usual camera, 15 of this one. Described in NVIDIA's documentation and its forum
(topic 149060); ../shared/reference/performance.md 1.3.
"""

from __future__ import annotations

from benchmarks.looking import longest, look_at, square
from benchmarks.watchers import Watched
from benchmarks.watchers.following import Followed, Motion, follow, moved_to
from edge.memory.tracks import BORN
from edge.pictures import pixels
from edge.pictures.regions import area
from edge.records import Box, Planes
from edge.tagger import Tagger

REINFER = 15  # frames
GROWN = 1.2  # times the area
FORGOTTEN = 5  # frames without a match


class IntervalAndGrowth:
    def __init__(self, tagger: Tagger, budget_ms: float = 0.0) -> None:
        self._tagger, self._motion = tagger, Motion()
        self._things: list[Followed] = []
        self._frame = -1

    def frame(self, picture: Planes, at_s: float) -> Watched:
        self._frame += 1
        follow(self._things, self._detected(picture), self._frame)
        self._things = [t for t in self._things if self._frame - t.seen < FORGOTTEN]
        due = [t for t in self._things if t.seen == self._frame and self._is_due(t)]
        size = pixels.size(picture)
        looks = look_at(self._tagger, picture, [square(t.box, longest(t.box), *size) for t in due])
        for thing, look in zip(due, looks):
            thing.tags, thing.looks = look.tags, thing.looks + 1
            thing.looked, thing.looked_px = self._frame, area(thing.box)
        tags = tuple(moved_to(tag, thing.box) for thing in self._things for tag in thing.tags)
        return Watched(tags, looks)

    def _detected(self, picture: Planes) -> list[Box]:
        if not self._tagger.has_glance:
            return self._motion.boxes(picture)
        heat, _ = self._tagger.glance(picture)
        return [spot.box for spot in heat.spots if spot.heat >= BORN]

    def _is_due(self, thing: Followed) -> bool:
        if thing.looked < 0 or self._frame - thing.looked > REINFER:
            return True
        return area(thing.box) > GROWN * thing.looked_px
