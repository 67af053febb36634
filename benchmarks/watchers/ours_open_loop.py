"""edge-tag's own choice of looks, without its clock: as many a frame as fit the budget when the
machine is quiet, whatever happens later.
"""

from __future__ import annotations

from benchmarks.watchers import Watched
from benchmarks.watchers.edge_tag import told
from edge.frames import Past, View, tag_frame
from edge.pace import Pace
from edge.records import Budget, Planes
from edge.tagger import Tagger


class OpenLoop:
    def __init__(self, tagger: Tagger, budget_ms: float) -> None:
        pace = Pace()
        pace.measure(tagger)
        self._tagger, self._past = tagger, Past()
        crops = max(1, int(budget_ms / pace.planned_ms("focus")) - 1)  # one is the frame's own
        self._view = View(budget=Budget(max_regions=crops))

    def frame(self, picture: Planes, at_s: float) -> Watched:
        return told(tag_frame(self._tagger, picture, self._view, self._past, at_s=at_s))
