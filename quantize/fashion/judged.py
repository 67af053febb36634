"""The judge of the image tower's int8: do pictures stay near their vectors and their neighbours?

Nobody's label is needed: the float tower says which picture is the nearest of each, and which text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from time import perf_counter

import numpy as np

from edge.engines import open_engine
from edge.records import F32, U8
from quantize.int8.bench import Attempt, answers
from quantize.int8.gate import Cost, Limits, Row, time_row
from quantize.int8.score import Distance, sqnr
from quantize.int8.timing import medians

NAMES = ("embedding",)
COSINE = 0.01  # that the mean cosine of a picture with itself in float may lack of 1
SAME = 10.0  # points of pictures whose nearest neighbour may be another
NOT_SURE = 0.02  # of cosine: a nearest that leads by less is no answer to lose


class VectorBench:
    """A judge as `search.Judge` has it. pictures: (N, side, side, 3), N 2 or more."""

    def __init__(
        self,
        engine: str,
        files: Sequence[bytes],
        pictures: U8,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self.engine, self.weights_bytes = engine, len(files[-1])
        self._size_bytes, self._pictures, self._limits = sum(map(len, files)), pictures, limits
        self._float = open_engine(engine, files, threads=1)
        self._exact = answers(self._float, pictures, NAMES)["embedding"]

    def measure(
        self, files: Sequence[bytes], method: str, kept: Iterable[str], tuned: bool, start: float
    ) -> Attempt:
        """See search.Judge."""
        with closing(open_engine(self.engine, files, threads=1)) as opened:
            rough = answers(opened, self._pictures, NAMES)["embedding"]
            before, after = medians([self._float, opened], self._pictures[:1])
        costs = Cost(self._size_bytes, before), Cost(sum(map(len, files)), after)
        rows = (*rows_of(self.engine, self._exact, rough),
                time_row(self.engine, *costs, self._limits))  # fmt: skip
        far = Distance(sqnr(self._exact, rough), 1 - rows[1].loss / 100, rows[1].loss)
        seconds = round(perf_counter() - start, 2)
        return Attempt(
            self.engine, method, tuple(kept), tuned, {"embedding": far}, costs[1], rows, seconds
        )

    def close(self) -> None:
        self._float.close()


def rows_of(engine: str, exact: F32, rough: F32) -> tuple[Row, Row]:
    """Cosine with the float vector, and the nearest neighbour; (N, D) rows of length 1."""
    cosine = float((exact * rough).sum(1).mean()) if np.isfinite(rough).all() else 0.0
    loss = round(1 - cosine, 5)
    near = Row(engine, "embedding", "cosine", len(exact), 1.0, round(cosine, 5), loss, COSINE,
               loss <= COSINE)  # fmt: skip
    share, asked = same_neighbour(exact, rough)
    lost = round(100 * (1 - share), 3)
    same = Row(engine, "embedding", "same neighbour %", asked, 100.0, round(100 * share, 3), lost,
               SAME, lost <= SAME)  # fmt: skip
    return near, same


def same_neighbour(exact: F32, rough: F32) -> tuple[float, int]:
    """Share, 0..1, of pictures whose nearest among the others stays; and how many were asked.

    A picture whose nearest two are as near in float is not asked.
    """
    ours, theirs = (_others(v) for v in (exact, rough))
    two = np.sort(ours, axis=1)[:, -2:]
    sure = two[:, 1] - two[:, 0] >= NOT_SURE
    if not sure.any():
        return 1.0, 0
    same = ours.argmax(1) == theirs.argmax(1)
    return float(same[sure].mean()), int(sure.sum())


def _others(vectors: F32) -> F32:
    """(N, N) cosines, a picture with itself being no answer."""
    cosines = np.nan_to_num(vectors) @ np.nan_to_num(vectors).T
    np.fill_diagonal(cosines, -2)
    return np.asarray(cosines, np.float32)
