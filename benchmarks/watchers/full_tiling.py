"""SAHI's slices of 640 px with overlap 0.2 and the whole frame, every frame."""

from __future__ import annotations

from benchmarks.contenders.sahi_slices import slices
from benchmarks.looking import look_at
from benchmarks.watchers import Watched
from edge.pictures import pixels
from edge.records import Planes
from edge.tagger import Tagger


class FullTiling:
    def __init__(self, tagger: Tagger, budget_ms: float = 0.0) -> None:
        self._tagger = tagger

    def frame(self, picture: Planes, at_s: float) -> Watched:
        looks = look_at(self._tagger, picture, slices(*pixels.size(picture), 640))
        return Watched(tuple(tag for look in looks for tag in look.tags), looks)
