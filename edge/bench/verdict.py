"""May a result be trusted? Every reason why not. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from edge.bench.line import Quantiles
from edge.health.power import Power

LEAST_S = 5.0  # a shorter run says little of heat
LEAST_LAUNCHES = 64  # fewer do not tell p90 from p80
WANDERED = 0.10  # spread of the medians of the run's parts
TAKEN = 0.10  # share of our cores that others may take


def reasons(
    engine_ms: Quantiles,
    seconds: float,
    spread: float,
    others: float | None,
    before: Power,
    after: Power,
) -> Iterator[str]:
    """None: the result is VALID."""
    if seconds < LEAST_S:
        yield f"too short: {seconds:.1f} s, expected {LEAST_S:g} or more"
    if engine_ms.count < LEAST_LAUNCHES:
        yield f"too short: {engine_ms.count} launches, expected {LEAST_LAUNCHES} or more"
    if spread > WANDERED:
        yield (
            f"too noisy: the medians of its parts lie {spread:.0%} apart, "
            f"expected {WANDERED:.0%} or less"
        )
    if others is not None and others > TAKEN:
        yield (
            f"loaded machine: others took {others:.0%} of the cores, expected {TAKEN:.0%} or less"
        )
    for moment, power in (("before", before), ("after", after)):
        if power.now:
            yield f"throttled: the device said so {moment} the run ({', '.join(power.now)})"
    fresh = [reason for reason in after.since_boot if reason not in before.since_boot]
    if fresh and not after.now:
        yield f"throttled: the device said so during the run ({', '.join(fresh)})"
