"""The judge of a glance's int8: does it still find the things, and is it as fast?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from time import perf_counter

import numpy as np

from edge.bundle.manifest import HeatMap
from edge.engines import open_engine
from edge.glance.heat import FAINT
from edge.records import F32
from quantize.glance.judge import precision
from quantize.glance.scenes import Example
from quantize.int8.bench import Attempt, answers
from quantize.int8.gate import Cost, Limits, Row, time_row
from quantize.int8.score import Distance, f1, sqnr
from quantize.int8.timing import medians

MEASURE = "average precision"
NAMES = ("heat", "geometry")


class GlanceBench:
    """A judge as `search.Judge` has it: on frames of things that nobody trained on."""

    def __init__(
        self,
        engine: str,
        files: Sequence[bytes],
        frames: Sequence[Example],
        spec: HeatMap,
        limits: tuple[float, Limits],
    ) -> None:
        """files: the float artifact. limits: of lost average precision, and of slowness."""
        self.engine, self.weights_bytes = engine, len(files[-1])
        self._size_bytes, (self._loss, self._limits) = sum(map(len, files)), limits
        self._frames, self._spec = frames, spec
        self._pixels = np.stack([frame.seen for frame in frames])
        self._float = open_engine(engine, files, threads=1)
        self._exact = answers(self._float, self._pixels, NAMES)
        self._before = self._precision(self._exact)

    def measure(
        self, files: Sequence[bytes], method: str, kept: Iterable[str], tuned: bool, start: float
    ) -> Attempt:
        """See search.Judge."""
        with closing(open_engine(self.engine, files, threads=1)) as opened:
            rough = answers(opened, self._pixels, NAMES)
            before, after = medians([self._float, opened], self._pixels[:1])
        costs = Cost(self._size_bytes, before), Cost(sum(map(len, files)), after)
        rows = self._row(rough), time_row(self.engine, *costs, self._limits)
        seconds = round(perf_counter() - start, 2)
        far = distances(self._exact, rough, rows[0].loss)
        return Attempt(self.engine, method, tuple(kept), tuned, far, costs[1], rows, seconds)

    def close(self) -> None:
        self._float.close()

    def _precision(self, rows: Mapping[str, F32]) -> float:
        if not all(np.isfinite(rows[name]).all() for name in NAMES):
            return 0.0
        return precision(rows["heat"], rows["geometry"], self._spec, self._frames)

    def _row(self, rough: Mapping[str, F32]) -> Row:
        after = self._precision(rough)
        loss = round(self._before - after, 4)
        return Row(self.engine, "heat", MEASURE, len(self._frames), round(self._before, 4),
                   round(after, 4), loss, self._loss, loss <= self._loss)  # fmt: skip


def distances(
    exact: Mapping[str, F32], rough: Mapping[str, F32], loss: float
) -> dict[str, Distance]:
    """Noise of the probabilities, and of the geometry where float sees something.

    loss: of average precision. exact, rough: "heat" (N, cells * kinds), "geometry" (N, cells * 3).
    """
    if not all(np.isfinite(rough[name]).all() for name in NAMES):
        return {name: Distance(-999.0, 0.0, 100.0) for name in NAMES}
    p, q = (_probabilities(found["heat"]) for found in (exact, rough))
    hot = p >= FAINT
    heat = Distance(sqnr(p, q), f1(q >= FAINT, hot), 100 * max(0.0, loss))
    cells = exact["geometry"].shape[1] // 3
    seen = hot.reshape(-1, cells, hot.shape[1] // cells).any(2)
    told = [found["geometry"].reshape(-1, cells, 3)[seen] for found in (exact, rough)]
    place = Distance(sqnr(*told) if seen.any() else 120.0, heat.agreement, heat.loss)
    return {"heat": heat, "geometry": place}


def _probabilities(logits: F32) -> F32:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
