"""edge-tag itself: `tag_frame` on one source's frames, with a budget."""

from __future__ import annotations

from benchmarks.looking import Look
from benchmarks.watchers import Watched
from edge.frames import tag_frame
from edge.memory.known import Memory
from edge.records import Budget, Planes
from edge.schedule.pace import Pace
from edge.seen import Seen, View
from edge.tagger import Tagger


class Ours:
    def __init__(self, tagger: Tagger, budget_ms: float) -> None:
        self._tagger, self._past = tagger, Memory()
        self._view = View(budget=Budget(budget_ms))
        self._pace = Pace()  # its own: what others' launches take is nothing it could know
        self._pace.measure(tagger)

    def frame(self, picture: Planes, at_s: float) -> Watched:
        self._tagger.pace = self._pace
        return watched(tag_frame(self._tagger, picture, self._view, self._past, at_s=at_s))


def watched(seen: Seen) -> Watched:
    named = (look for look in seen.looks if look.why != "part")  # a glance names nothing
    looks = tuple(Look(look.region, look.engine_ms, look.tags) for look in named)
    return Watched(seen.tags, looks)
