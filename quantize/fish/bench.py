"""The judge of an outline's int8: does it still draw the same masks, and is it as fast?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from time import perf_counter

import numpy as np

from edge.engines import open_engine
from edge.records import F32
from quantize.fish.course import Crops, judge
from quantize.int8.bench import Attempt, answers
from quantize.int8.gate import Cost, Limits, Row, time_row
from quantize.int8.score import Distance, f1, sqnr
from quantize.int8.timing import medians

MEASURE = "mask mAP"
NAME = "mask"


class OutlineBench:
    """A judge as `search.Judge` has it."""

    def __init__(
        self, engine: str, files: Sequence[bytes], crops: Crops, limits: tuple[float, Limits]
    ) -> None:
        """files: the float artifact. limits: of lost mAP, and of slowness."""
        self.engine, self.weights_bytes = engine, len(files[-1])
        self._size_bytes, (self._loss, self._limits) = sum(map(len, files)), limits
        self._crops = crops
        self._float = open_engine(engine, files, threads=1)
        self._exact = answers(self._float, crops.seen, (NAME,))[NAME]
        self._before = judge(self._exact, crops)["mAP all"]

    def measure(
        self, files: Sequence[bytes], method: str, kept: Iterable[str], tuned: bool, start: float
    ) -> Attempt:
        """See search.Judge."""
        with closing(open_engine(self.engine, files, threads=1)) as opened:
            rough = answers(opened, self._crops.seen, (NAME,))[NAME]
            before, after = medians([self._float, opened], self._crops.seen[:1])
        costs = Cost(self._size_bytes, before), Cost(sum(map(len, files)), after)
        row = self._row(rough)
        rows = row, time_row(self.engine, *costs, self._limits)
        seconds = round(perf_counter() - start, 2)
        far = {NAME: distance(self._exact, rough, row.loss)}
        return Attempt(self.engine, method, tuple(kept), tuned, far, costs[1], rows, seconds)

    def close(self) -> None:
        self._float.close()

    def _row(self, rough: F32) -> Row:
        after = judge(rough, self._crops)["mAP all"] if np.isfinite(rough).all() else 0.0
        loss = round(self._before - after, 4)
        return Row(self.engine, NAME, MEASURE, len(self._crops.seen), round(self._before, 4),
                   round(after, 4), loss, self._loss, loss <= self._loss)  # fmt: skip


def distance(exact: F32, rough: F32, loss: float) -> Distance:
    """Of the logits, as far as they matter: between -8 and 8."""
    if not np.isfinite(rough).all():
        return Distance(-999.0, 0.0, 100.0)
    a, b = np.clip(exact, -8, 8), np.clip(rough, -8, 8)
    return Distance(sqnr(a, b), f1(rough > 0, exact > 0), 100 * max(0.0, loss))
