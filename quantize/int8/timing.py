"""Milliseconds a picture, interleaved: a busy machine is busy for all."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from edge.engines import Engine
from edge.records import U8

ROUNDS = 40
WARM_UP = 5


def medians(engines: Sequence[Engine], picture: U8, rounds: int = ROUNDS) -> list[float]:
    """Of each engine; picture (1, H, W, 3). Open them with one thread."""
    for engine in engines:
        for _ in range(WARM_UP):
            engine.run(picture)
    taken: list[list[float]] = [[] for _ in engines]
    for _ in range(rounds):
        for ms, engine in zip(taken, engines):
            start = perf_counter()
            engine.run(picture)
            ms.append((perf_counter() - start) * 1e3)
    return [round(float(np.median(ms)), 4) for ms in taken]
