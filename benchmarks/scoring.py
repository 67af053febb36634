"""What the looks of a contender found, and the ratios of benchmark A. Pure.

One rule for all: a thing is found by a look whose region holds at least 70 % of its box and which
gives its tag, in its head, above the bundle's threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from math import comb

import msgspec
import numpy as np

from benchmarks.looking import Look, Run, longest
from benchmarks.measures import NEVER
from calib_data.composed import Composed, Placed
from edge.pictures.regions import area, shared_px
from edge.records import Box

HELD = 0.7  # of the box's area
SMALL_PX = 48  # longest side
SHARE = 0.95  # of SAHI's recall
AT = (2, 4, 8, 12)  # crops


class Trace(msgspec.Struct, frozen=True):
    """What one contender found in one scene, look after look. Lists begin before the first look."""

    group: str  # "clustered8"
    total: int  # things
    found: tuple[float, ...]  # of them, after each look
    total_small: int
    found_small: tuple[float, ...]
    crops: tuple[int, ...]  # closer looks, glances apart, after each look
    engine_ms: tuple[float, ...]  # after each look
    wall_ms: float | None
    cpu_ms: float | None


def finds(look: Look, placed: Sequence[Placed]) -> set[int]:
    """Which of the things this look finds, by number."""
    said = {(tag.head, tag.tag) for tag in look.tags}
    return {
        n
        for n, thing in enumerate(placed)
        if (thing.head, thing.tag) in said and is_held(thing.box, look.region.box)
    }


def is_held(box: Box, region: Box) -> bool:
    """True when enough of the box lies in the region."""
    return shared_px(box, region) >= HELD * area(box)


def trace(scene: Composed, run: Run, wall_ms: float | None, cpu_ms: float | None) -> Trace:
    """Count what each look of a run adds."""
    by_look = [finds(look, scene.placed) for look in run.looks]
    small = {n for n, p in enumerate(scene.placed) if longest(p.box) <= SMALL_PX}
    crops = [0, *accumulate(int(look.region.kind not in ("full", "part")) for look in run.looks)]
    ms = accumulate((look.engine_ms for look in run.looks), initial=run.before_ms)
    count = expected if run.is_unordered else counted
    kind = scene.kind
    return Trace(
        f"{'clustered' if kind.is_clustered else 'uniform'}{kind.count}",
        len(scene.placed),
        count(by_look),
        len(small),
        count([found & small for found in by_look]),
        tuple(crops),
        tuple(ms),
        wall_ms if run.is_timed else None,
        cpu_ms if run.is_timed else None,
    )


def counted(by_look: Sequence[set[int]]) -> tuple[float, ...]:
    """How many things are known before the first look and after each."""
    known: set[int] = set()
    after = [0.0]
    for found in by_look:
        known |= found
        after.append(float(len(known)))
    return tuple(after)


def expected(by_look: Sequence[set[int]]) -> tuple[float, ...]:
    """The same for looks whose order is chance: the mean over all orders."""
    looks = len(by_look)
    times = [sum(n in found for found in by_look) for n in set().union(*by_look)]
    return tuple(
        sum(1 - comb(looks - t, k) / comb(looks, k) for t in times) for k in range(looks + 1)
    )


def middle(runs: Sequence[Trace]) -> Trace:
    """Of runs that looked at the same, the median time of every step.

    Where some looked at different things, the first run.
    """
    one = runs[0]
    if any((r.found, r.crops) != (one.found, one.crops) for r in runs):
        return one
    steps = np.median([np.diff(r.engine_ms, prepend=0.0) for r in runs], axis=0)
    return msgspec.structs.replace(
        one,
        engine_ms=tuple(steps.cumsum().tolist()),
        wall_ms=_median([r.wall_ms for r in runs]),
        cpu_ms=_median([r.cpu_ms for r in runs]),
    )


def recall(traces: Sequence[Trace], small: bool = False) -> float:
    """Found things over all things, all looks; NaN when there are none."""
    total = sum(t.total_small if small else t.total for t in traces)
    found = sum((t.found_small if small else t.found)[-1] for t in traces)
    return found / total if total else math.nan


def recall_at(traces: Sequence[Trace], crops: int) -> float:
    """Recall of what was found with the first `crops` closer looks, and the whole frame's."""
    found = sum(t.found[_last(t.crops, crops)] for t in traces)
    return found / max(1, sum(t.total for t in traces))


def curve(traces: Sequence[Trace]) -> list[tuple[float, float]]:
    """Mean engine ms a scene and recall, with at most 0, 1, 2... looks a scene."""
    found, ms = _table(traces)
    total = sum(t.total for t in traces)
    return list(zip((ms.sum(0) / len(traces)).tolist(), (found.sum(0) / total).tolist()))


def ms_to_reach(traces: Sequence[Trace], wanted: float) -> float:
    """Mean engine ms a scene with the fewest looks a scene that give that recall; else NEVER."""
    return next((ms for ms, got in curve(traces) if got >= wanted - 1e-9), NEVER)


def least_recall(traces: Sequence[Trace], small: bool = False) -> float:
    """Half a thing: what somebody is taken to have found who found nothing. NaN without things."""
    total = sum(t.total_small if small else t.total for t in traces)
    return 0.5 / total if total else math.nan


def ratio_at(ours: Sequence[Trace], peer: Sequence[Trace]) -> float:
    """Our engine ms to SHARE of the peer's recall, over all the peer's engine ms; or NEVER."""
    wanted = SHARE * max(recall(peer), least_recall(peer))
    return ms_to_reach(ours, wanted) / mean_ms(peer)


def mean_ms(traces: Sequence[Trace]) -> float:
    """Engine ms a scene, all looks."""
    return sum(t.engine_ms[-1] for t in traces) / len(traces)


def area_under(traces: Sequence[Trace], until_ms: float) -> float:
    """Mean recall over 0 to `until_ms` of engine time: what is found when stopped at any moment."""
    areas = [_area(t, until_ms) * t.total for t in traces]
    return sum(areas) / max(1, sum(t.total for t in traces))


def _area(one: Trace, until_ms: float) -> float:
    edges = np.minimum([*one.engine_ms, until_ms], until_ms)
    return float((np.diff(edges) * np.array(one.found)).sum() / until_ms / max(1, one.total))


def _table(traces: Sequence[Trace]) -> tuple[np.ndarray, np.ndarray]:
    """Found and ms, (scenes, looks); a scene that ends early stays at its last."""
    width = max(len(t.found) for t in traces)
    at = np.arange(width)
    found = [np.array(t.found)[np.minimum(at, len(t.found) - 1)] for t in traces]
    ms = [np.array(t.engine_ms)[np.minimum(at, len(t.found) - 1)] for t in traces]
    return np.array(found), np.array(ms)


def _last(crops: Sequence[int], limit: int) -> int:
    return max(n for n, count in enumerate(crops) if count <= limit)


def _median(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.median(known)) if known else None
