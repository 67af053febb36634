"""edge-tag's own choice of looks, without its clock: as many a frame as fit the budget when the
machine is quiet, whatever happens later.
"""

from __future__ import annotations

from benchmarks.watchers import Watched
from benchmarks.watchers.edge_tag import watched
from edge.frames import tag_frame
from edge.memory.known import Memory
from edge.records import Budget, Planes
from edge.schedule.pace import Pace
from edge.seen import View
from edge.tagger import Tagger


class OpenLoop:
    def __init__(self, tagger: Tagger, budget_ms: float) -> None:
        self._tagger, self._past, self._pace = tagger, Memory(), Pace()
        self._pace.measure(tagger)
        crops = max(1, int(budget_ms / self._pace.planned_ms("focus")) - 1)  # one: the whole frame
        self._view = View(budget=Budget(max_regions=crops))

    def frame(self, picture: Planes, at_s: float) -> Watched:
        self._tagger.pace = self._pace
        return watched(tag_frame(self._tagger, picture, self._view, self._past, at_s=at_s))
