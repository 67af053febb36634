"""Which regions of a frame get a closer look. Pure: the same input gives the same plan.

The laws, whatever the input (tests/property/test_schedule.py): a plan never costs more than the
budget and never holds more regions than it allows; every region comes from the candidates, at most
once each; an overdue region is never passed over for one that is not, unless it does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.records import Budget, Candidate, Region


def plan(candidates: Sequence[Candidate], costs: Sequence[float], budget: Budget) -> list[Region]:
    """The regions to look at, in the order to look at them; [] when none is affordable.

    `costs` is the expected ms of a look at each candidate. Overdue ones first, then by gain per ms;
    ties keep the order given. One that does not fit any more is skipped, a cheaper one after it may
    still fit. Raises ValueError unless there is one cost of 0 or more for each candidate.
    """
    if len(costs) != len(candidates):
        raise ValueError(f"{len(costs)} costs for {len(candidates)} candidates, expected one each")
    if not all(cost >= 0 for cost in costs):  # written so that a NaN fails too
        raise ValueError("a cost is below 0 ms or not a number, expected 0 ms or more")
    chosen: list[Region] = []
    planned_ms = 0.0
    for candidate, cost in sorted(zip(candidates, costs, strict=True), key=_first_come):
        if len(chosen) >= budget.max_regions:
            break
        if planned_ms + cost <= budget.frame_ms:
            planned_ms += cost
            chosen.append(candidate.region)
    return chosen


def _first_come(item: tuple[Candidate, float]) -> tuple[bool, float]:
    candidate, cost = item
    rate = candidate.gain / cost if cost > 0 else float("inf")  # a free look goes first
    return not candidate.overdue, -rate
