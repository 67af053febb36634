"""Frames served -> the numbers of benchmark F, its targets, its table. Pure.

A run is one seed's. Ages are those of all runs together, and all else is the mean over the runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from benchmarks.cameras.served import PERIOD_S, Served
from benchmarks.cameras.yard import Yard
from benchmarks.measures import Target, mean, over, quantile, verdict_lines, verdicts

OLD_S = 2.0  # what is told of a moving thing, at 99 % of all times
STARTS_S = 2.0  # of a run, which do not count
STEP_S = 0.02  # between the times at which ages are taken
TARGETS: tuple[Target, ...] = (
    ("cameras_over_independent", ">=", 1.8),
    ("cameras_over_tiling", ">=", 4.0),
    ("busy_saturated", ">=", 0.95),
    ("jain_saturated", ">=", 0.95),
    ("noisy_age_ratio", "<=", 1.1),
)

Runs = Mapping[str, Mapping[int, Mapping[str, Any]]]  # rule -> cameras -> numbers


class Played(msgspec.Struct, frozen=True):
    """A run: what there was to see, by camera, and the frames that the device came to."""

    yards: Sequence[Yard]
    served: Sequence[Served]
    seconds: float


def numbers(runs: Sequence[Played]) -> dict[str, Any]:
    """Of a rule with so many cameras."""
    known = [_by_camera(run) for run in runs]
    ages = [[age for camera in run for age in camera.ages] for run in known]
    others = [age for run in known for camera in run[1:] for age in camera.ages]
    told = [[x for camera in run for x in camera.told] for run in known]
    return {
        "age_p50_s": quantile(_all(ages), 0.5),
        "age_p99_s": quantile(_all(ages), 0.99),
        "age_p99_s_by_seed": [quantile(one, 0.99) for one in ages],
        "age_p99_s_of_others": quantile(others, 0.99),
        "told_share": mean(_all(told)),
        "tags_per_s": mean([sum(one) * STEP_S / PERIOD_S / run.seconds
                            for one, run in zip(told, runs)]),
        "jain": mean([jain([mean(c.told) for c in run if c.told]) for run in known]),
        "busy": mean([_busy(run) for run in runs]),
        "frames_per_s_each": mean([len(r.served) / r.seconds / len(r.yards) for r in runs]),
        "longest_s": max(_longest_s(run) for run in runs),
    }  # fmt: skip


def jain(shares: Sequence[float]) -> float:
    """Fairness: 1 when all get the same, 1/n when one gets all (Jain, Chiu, Hawe 1984)."""
    return over(sum(shares) ** 2, len(shares) * sum(x * x for x in shares))


def sustained(by_count: Mapping[int, Mapping[str, Any]]) -> int:
    """The most cameras at which what is told is fresh, as it is with fewer; 0 for none."""
    most = 0
    for count in sorted(by_count):
        if not by_count[count]["age_p99_s"] <= OLD_S:
            break
        most = count
    return most


def headlines(runs: Runs, quiet: Mapping[str, Any], noisy: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that the targets are about."""
    most = {rule: sustained(by_count) for rule, by_count in runs.items()}
    last = runs["ours"][max(runs["ours"])]
    return {
        "sustained": most,
        "cameras_over_independent": over(most["ours"], most["independent"]),
        "cameras_over_tiling": over(most["ours"], most["tiling"]),
        "cameras_over_frigate": over(most["ours"], most["frigate"]),
        "busy_saturated": last["busy"],
        "jain_saturated": last["jain"],
        "noisy_age_ratio": over(noisy["age_p99_s_of_others"], quiet["age_p99_s_of_others"]),
    }


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result."""
    return verdicts(found, TARGETS)


def table(found: Mapping[str, Any]) -> str:
    """For a person."""
    words = ("age p50 s", "p99 s", "told", "tags/s", "jain", "busy", "fps each", "longest s")
    keys = ("age_p50_s", "age_p99_s", "told_share", "tags_per_s", "jain", "busy",
            "frames_per_s_each", "longest_s")  # fmt: skip
    lines = []
    for rule, by_count in found["runs"].items():
        lines.append(f"{rule:<14}" + "".join(f"{word:>11}" for word in words))
        for count, row in by_count.items():
            cells = "".join(f"{row[key]:>11.2f}" for key in keys)
            lines.append(f"  {count:>3} cameras {cells}")
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])


class _Known(msgspec.Struct, frozen=True):
    """Of a camera's things, every STEP_S that all of one is to be seen."""

    ages: list[float]  # of what is told of it; since it came, if nothing ever was
    told: list[float]  # 1 where the newest result tells it, else 0


def _by_camera(run: Played) -> list[_Known]:
    return [
        _known(yard, [s for s in run.served if s.camera == camera], run.seconds)
        for camera, yard in enumerate(run.yards)
    ]


def _known(yard: Yard, served: Sequence[Served], seconds: float) -> _Known:
    ages, told = [], []
    first: dict[int, float] = {}
    newest: dict[int, float] = {}
    to_come, last = deque(served), None
    for step in range(int((seconds - yard.phase_s) / STEP_S)):
        at_s = yard.phase_s + step * STEP_S
        while to_come and to_come[0].done_s <= at_s:
            last = to_come.popleft()
            newest.update(dict.fromkeys(last.told, last.taken_s))
        for truth in yard.truths(at_s):
            since_s = first.setdefault(truth.id, at_s)
            if at_s >= STARTS_S:
                ages.append(at_s - newest.get(truth.id, since_s))
                told.append(float(last is not None and truth.id in last.told))
    return _Known(ages, told)


def _busy(run: Played) -> float:
    end_s = run.served[-1].done_s if run.served else 0.0
    return sum(s.engine_ms for s in run.served) / 1e3 / max(run.seconds, end_s)


def _longest_s(run: Played) -> float:
    """That any camera was not looked at."""
    longest = 0.0
    for camera in range(len(run.yards)):
        at = [0.0, *(s.done_s for s in run.served if s.camera == camera), run.seconds]
        longest = max(longest, *(b - a for a, b in pairwise(at)))
    return longest


def _all(rows: Iterable[Sequence[float]]) -> list[float]:
    return [x for row in rows for x in row]
