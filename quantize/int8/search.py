"""Which int8 of an engine is the best: methods tried, then layers that hurt kept in float.

All of it on calibration pictures that the ranges were not measured on; held-out pictures are for
`compare` and for the gate of `pack`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from time import perf_counter

import numpy as np
from tqdm import tqdm

from quantize.errors import reason
from quantize.int8.backends import Backend
from quantize.int8.bench import Attempt, Candidate, Judge
from quantize.int8.gate import TIME

ALIKE_DB = 1.0  # methods so near one another count as equal: the faster one is kept
SAME_SIZE = 0.01  # by which files may differ in size and hold the same layers
ANSWERS_PASS = 2  # see _level


def attempt(
    bench: Judge, backend: Backend, method: str, kept: Iterable[str] = (), tuned: bool = False
) -> Candidate:
    """Build and measure. What a converter or an engine raises is what the try is remembered by."""
    start, layers = perf_counter(), tuple(kept)
    try:
        files = backend.build(method, frozenset(layers))
        return Candidate(bench.measure(files, method, layers, tuned, start), files)
    except Exception as e:  # a converter may raise anything; another method may do
        seconds = round(perf_counter() - start, 2)
        return Candidate(
            Attempt(bench.engine, method, layers, tuned, {}, None, (), seconds, reason(e)), []
        )


def search(
    bench: Judge, backend: Backend, ranked: Sequence[str], tuned: bool = False
) -> tuple[Candidate, list[Attempt]]:
    """The best candidate and all that was tried. `ranked`: units to keep in float, the one that
    hurts most first (Hurt.unit); they are only when no method passes without.
    """
    bar = tqdm(backend.methods, bench.engine, disable=None, leave=False)
    found = [attempt(bench, backend, method, (), tuned) for method in bar]
    chosen = best(found)
    if not chosen.tried.answers_pass:
        rescued = rescue(bench, backend, chosen, ranked, tuned)
        found += rescued
        chosen = best([chosen, *rescued])
    return chosen, [candidate.tried for candidate in found]


def best(found: Sequence[Candidate]) -> Candidate:
    """Those that pass before those whose answers do before the others; then the least noise.

    Among equals within ALIKE_DB the fewest layers in float, then the fastest; of files as large as
    that one, which are the same network with other ranges and as fast, the least noise again.
    """
    level = max(_level(c.tried) for c in found)
    peers = [c for c in found if _level(c.tried) == level]
    if level >= ANSWERS_PASS:
        fewest = min(len(c.tried.kept_in_float) for c in peers)
        peers = [c for c in peers if len(c.tried.kept_in_float) == fewest]
    top = max(c.tried.worst_db for c in peers)
    alike = [c for c in peers if c.tried.worst_db >= top - ALIKE_DB]
    swift = min(alike, key=lambda c: c.tried.cost.ms if c.tried.cost else np.inf)
    if not (least := swift.tried.cost):
        return swift  # nothing ran
    same = [
        c
        for c in alike
        if c.tried.cost and abs(c.tried.cost.size_bytes / least.size_bytes - 1) < SAME_SIZE
    ]
    return max(same, key=lambda c: c.tried.worst_db)


def _level(tried: Attempt) -> int:
    return (not tried.error) + tried.answers_pass + tried.passed


def rescue(
    bench: Judge, backend: Backend, start: Candidate, ranked: Sequence[str], tuned: bool = False
) -> list[Candidate]:
    """Keep 1, 2, 4, ... of the worst units in float until the answers pass; then as few as do.

    Ends where the gain in speed or size is gone.
    """
    found: list[Candidate] = []
    passing, failing = 0, 0
    bar = tqdm(desc=f"{bench.engine}, layers in float", disable=None, leave=False)

    def passes(count: int) -> bool:
        bar.update()
        found.append(attempt(bench, backend, start.tried.method, ranked[:count], tuned))
        return found[-1].tried.answers_pass

    for count in _ladder(len(ranked)):
        if passes(count):
            passing = count
            break
        if _gain_is_gone(bench, found[-1]):
            break
        failing = count
    while passing - failing > 1:
        middle = (passing + failing) // 2
        passing, failing = (middle, failing) if passes(middle) else (passing, middle)
    bar.close()
    return found


def _ladder(most: int) -> list[int]:
    """1, 2, 4, ... and last `most`."""
    return [*takewhile(lambda n: n < most, (2**i for i in range(most))), *([most] if most else [])]


def _gain_is_gone(bench: Judge, candidate: Candidate) -> bool:
    if candidate.tried.error:
        return False  # more layers in float may be what this engine can run
    is_slow = any(r.measure == TIME and not r.passed for r in candidate.tried.rows)
    return is_slow or len(candidate.files[-1]) >= bench.weights_bytes
