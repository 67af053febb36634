"""What one int8 artifact is like beside the float one, on its engine: measured and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from time import perf_counter
from typing import Protocol

import msgspec
import numpy as np

from edge.engines import Engine, open_engine
from edge.records import F32, U8
from quantize.int8.gate import TIME, Cost, Limits, Row, Truth, judge
from quantize.int8.score import Distance, Kind, distances
from quantize.int8.timing import medians


class Attempt(msgspec.Struct, frozen=True):
    """One int8 artifact, kept or not."""

    engine: str
    method: str
    kept_in_float: tuple[str, ...]
    tuned: bool  # after quantisation-aware fine-tuning
    heads: dict[str, Distance]
    cost: Cost | None
    rows: tuple[Row, ...]
    seconds: float
    error: str = ""

    @property
    def answers_pass(self) -> bool:
        return not self.error and all(r.passed for r in self.rows if r.measure != TIME)

    @property
    def passed(self) -> bool:
        return not self.error and all(r.passed for r in self.rows)

    @property
    def worst_db(self) -> float:
        return min((d.sqnr_db for d in self.heads.values()), default=-999.0)


class Candidate(msgspec.Struct, frozen=True):
    """A try with its files."""

    tried: Attempt
    files: list[bytes]


class Judge(Protocol):
    """The rules for the int8 of one engine."""

    engine: str
    weights_bytes: int  # of the float artifact

    def measure(
        self, files: Sequence[bytes], method: str, kept: Iterable[str], tuned: bool, start: float
    ) -> Attempt:
        """Open, run, time beside the float artifact, judge. Raises EdgeError when it does not run.

        `start`: perf_counter when its making began.
        """
        ...

    def close(self) -> None: ...


class Bench:
    """The judge of a student: the float artifact on its engine, what it answers on the judging
    pictures, and the rules.
    """

    def __init__(
        self,
        engine: str,
        files: Sequence[bytes],
        names: Sequence[str],
        pictures: U8,
        truths: Mapping[str, Truth],
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """files: the float artifact. names: its outputs in order. pictures (N, H, W, 3)."""
        self.engine, self.names, self.pictures = engine, tuple(names), pictures
        self.truths, self.limits = truths, limits
        self.size_bytes, self.weights_bytes = sum(map(len, files)), len(files[-1])
        self._float = open_engine(engine, files, threads=1)
        self.exact = answers(self._float, pictures, names)

    @property
    def kinds(self) -> dict[str, Kind]:
        return {head: truth.kind for head, truth in self.truths.items()}

    def measure(
        self, files: Sequence[bytes], method: str, kept: Iterable[str], tuned: bool, start: float
    ) -> Attempt:
        """See Judge."""
        with closing(open_engine(self.engine, files, threads=1)) as opened:
            rough = answers(opened, self.pictures, self.names)
            before, after = medians([self._float, opened], self.pictures[:1])
        costs = Cost(self.size_bytes, before), Cost(sum(map(len, files)), after)
        verdict = judge(self.engine, self.exact, rough, self.truths, costs, self.limits)
        heads = distances(self.exact, rough, self.kinds)
        seconds = round(perf_counter() - start, 2)
        return Attempt(self.engine, method, tuple(kept), tuned, heads, costs[1], verdict.rows,
                     seconds)  # fmt: skip

    def close(self) -> None:
        self._float.close()


def answers(engine: Engine, pictures: U8, names: Sequence[str]) -> dict[str, F32]:
    """Outputs under `names`, which are in the artifact's order; a picture at a time, as shipped."""
    rows = [list(engine.run(picture[None]).values()) for picture in pictures]
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}
