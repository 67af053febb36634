"""What a launch will take: measured on this device, corrected by how busy it is now. Pure.

A table of durations by artifact, measured once at the start, and two factors: how much
slower things run since, and how much further the slowest launches lie from the usual one than they
did. Both learn from launches that were made and from nothing else: a frame with no work is no sign
of headroom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import msgspec

PLANNED, STOPPED = 0.90, 0.99  # quantiles: to plan with, and to stop before the deadline with
DRIFT = 0.003  # variance of the true factor's step from one launch to the next, over its square
JITTER = 0.06  # variance of a single launch about it, likewise
SURPRISE = 2.5  # deviations: a launch that far off is a hiccup, two in a row are another speed
LONGER = 0.2  # step of the tail, in its logarithm
LONGEST = 5.0  # times the measured distance
SLOWEST, FASTEST = 50.0, 0.02  # no machine is so much slower or faster than it was measured


class Quantiles(msgspec.Struct, frozen=True):
    """Of one artifact, ms."""

    usual_ms: float  # the median: what the factor is a factor of
    planned_ms: float
    stopped_ms: float


class Slowdown(msgspec.Struct, frozen=True):
    """A scalar Kalman filter: the factor, and how unsure it is."""

    factor: float = 1.0
    variance: float = JITTER  # over the factor's square
    surprise: int = 0  # was the last launch far off: slower 1, faster -1


class Costs(msgspec.Struct, frozen=True):
    """`table` by artifact's role."""

    table: Mapping[str, Quantiles]
    slowdown: Slowdown = Slowdown()
    tail: float = 1.0  # 1 or more: on a busy machine a launch is now and then cut in two

    def planned_ms(self, role: str) -> float:
        """What nine launches of ten stay below."""
        return self.table[role].planned_ms * self.slowdown.factor

    def stopped_ms(self, role: str) -> float:
        """What all but one of a hundred stay below: no launch is made that could end too late."""
        return self.table[role].stopped_ms * self.slowdown.factor * self.tail


def quantiles(measured_ms: Sequence[float]) -> Quantiles:
    """Of durations of one launch. Raises ValueError when there is none."""
    if not measured_ms:
        raise ValueError("no launch was measured, expected at least one")
    ranked = sorted(measured_ms)
    last = len(ranked) - 1
    return Quantiles(*(ranked[round(last * q)] for q in (0.5, PLANNED, STOPPED)))


def after(costs: Costs, role: str, took_ms: float) -> Costs:
    """The costs once a launch has been made: both factors move towards what it took."""
    usual_ms = costs.table[role].usual_ms
    if usual_ms <= 0:
        return costs
    tail = _longer(costs.tail, took_ms > costs.stopped_ms(role))
    return Costs(costs.table, filtered(costs.slowdown, took_ms / usual_ms), tail)


def _longer(tail: float, is_exceeded: bool) -> float:
    """Stochastic approximation of a quantile (Robbins and Monro 1951): up when a launch took longer
    than it was to, a little down when not, so that it is in balance at one in a hundred.
    """
    step = STOPPED if is_exceeded else STOPPED - 1
    return min(LONGEST, max(1.0, tail * exp(LONGER * step)))


def filtered(slowdown: Slowdown, seen: float) -> Slowdown:
    """One step of the filter.

    The noise grows with the factor: a machine ten times as slow is also ten times as uneven. One
    launch far off moves the factor as little as one near the limit would; when the next one is as
    far off on the same side, that is the speed now, however sure the filter was of another.
    """
    seen = min(SLOWEST, max(FASTEST, seen))
    off = seen / slowdown.factor - 1
    variance = slowdown.variance + DRIFT
    far = SURPRISE * (variance + JITTER) ** 0.5
    surprise = (off > far) - (off < -far)
    if surprise and surprise == slowdown.surprise:
        return Slowdown(seen, JITTER, surprise)
    gain = variance / (variance + JITTER)
    factor = slowdown.factor * (1 + gain * min(far, max(-far, off)))
    return Slowdown(factor, (1 - gain) * variance, surprise)
