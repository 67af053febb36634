"""What a launch will take: measured on this device, corrected by how busy it is now. Pure.

A table of durations by artifact and batch, measured once at the start, and one factor for how much
slower things run since. The factor learns from launches that were made and from nothing else: a
frame with no work is no sign of headroom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

PLANNED, STOPPED = 0.90, 0.95  # quantiles: to plan with, and to stop before the deadline with
DRIFT = 0.003  # variance of the true factor's step from one launch to the next
JITTER = 0.06  # variance of a single launch about it
SLOWEST, FASTEST = 50.0, 0.2  # a measured factor beyond these is a hiccup, not a speed


class Quantiles(msgspec.Struct, frozen=True):
    """Of one artifact at one batch, ms."""

    planned_ms: float
    stopped_ms: float


class Slowdown(msgspec.Struct, frozen=True):
    """A scalar Kalman filter: the factor, and how unsure it is."""

    factor: float = 1.0
    variance: float = 1.0


class Costs(msgspec.Struct, frozen=True):
    """`table` by artifact's role and batch."""

    table: Mapping[tuple[str, int], Quantiles]
    slowdown: Slowdown = Slowdown()

    def planned_ms(self, role: str, batch: int = 1) -> float:
        """What nine launches of ten stay below."""
        return self.table[role, batch].planned_ms * self.slowdown.factor

    def stopped_ms(self, role: str, batch: int = 1) -> float:
        """What nineteen of twenty stay below: no launch is made that could end too late."""
        return self.table[role, batch].stopped_ms * self.slowdown.factor


def quantiles(measured_ms: Sequence[float]) -> Quantiles:
    """Of durations of one launch. Raises ValueError when there is none."""
    if not measured_ms:
        raise ValueError("no launch was measured, expected at least one")
    ranked = sorted(measured_ms)
    last = len(ranked) - 1
    return Quantiles(ranked[round(last * PLANNED)], ranked[round(last * STOPPED)])


def after(costs: Costs, role: str, batch: int, took_ms: float) -> Costs:
    """The costs once a launch has been made: the factor moves towards what it took."""
    usual_ms = costs.table[role, batch].planned_ms
    if usual_ms <= 0:
        return costs
    seen = min(SLOWEST, max(FASTEST, took_ms / usual_ms))
    return msgspec.structs.replace(costs, slowdown=filtered(costs.slowdown, seen))


def filtered(slowdown: Slowdown, seen: float) -> Slowdown:
    """One step of the filter, with a slower machine believed at once and a faster one by and by.

    The noise grows with the factor: a machine ten times as slow is also ten times as uneven.
    """
    variance = slowdown.variance + DRIFT * slowdown.factor**2
    gain = variance / (variance + JITTER * slowdown.factor**2)
    gain = gain if seen > slowdown.factor else gain / 2
    factor = slowdown.factor + gain * (seen - slowdown.factor)
    return Slowdown(factor, (1 - gain) * variance)
