"""Milliseconds a picture, interleaved: a busy machine is busy for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import numpy as np

from edge.engines import Engine
from edge.records import U8

ROUNDS = 40
WARM_UP = 5


def medians(engines: Sequence[Engine], picture: U8, rounds: int = ROUNDS) -> list[float]:
    """Of each engine; picture (1, H, W, 3). Open them with one thread."""
    return in_turn([partial(engine.run, picture) for engine in engines], rounds)


def in_turn(runs: Sequence[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """Median of each of several things to run."""
    for run in runs:
        for _ in range(WARM_UP):
            run()
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for ms, run in zip(taken, runs):
            start = perf_counter()
            run()
            ms.append((perf_counter() - start) * 1e3)
    return [round(float(np.median(ms)), 4) for ms in taken]
