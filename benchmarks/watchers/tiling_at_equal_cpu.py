"""Full tiling of every n-th frame, n such that it takes the CPU time that ours takes.

Whoever runs it says how much it may have used by now (`allowed_ms`); in between it tells what it
saw last.
"""

from __future__ import annotations

from time import process_time

from benchmarks.watchers import Watched
from benchmarks.watchers.full_tiling import FullTiling
from edge.records import Planes
from edge.tagger import Tagger


class TilingAtEqualCpu:
    def __init__(self, tagger: Tagger, budget_ms: float = 0.0) -> None:
        self._tiling = FullTiling(tagger)
        self._last: Watched | None = None
        self._used_ms = 0.0
        self.allowed_ms = 0.0  # CPU since the first frame

    def frame(self, picture: Planes, at_s: float) -> Watched:
        if self._last is None or self._used_ms <= self.allowed_ms:
            begin = process_time()
            self._last = self._tiling.frame(picture, at_s)
            self._used_ms += (process_time() - begin) * 1e3
            return self._last
        return Watched(self._last.tags, ())
