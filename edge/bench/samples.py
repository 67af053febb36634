"""Durations -> quantiles, and how much they wandered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.bench.line import Quantiles

ENOUGH_FOR_P99 = 662  # as MLPerf's LoadGen has it: fewer do not tell p99 from p98
PARTS = 10


def quantiles(ms: Sequence[float]) -> Quantiles:
    """Raises ValueError when there is none."""
    if not len(ms):
        raise ValueError("no duration was measured, expected at least one")
    p50, p90, p99 = (round(float(q), 4) for q in np.percentile(ms, (50, 90, 99)))
    is_enough = len(ms) >= ENOUGH_FOR_P99
    return Quantiles(p50, p90, p99 if is_enough else None, round(min(ms), 4), len(ms))


def spread(ms: Sequence[float]) -> float:
    """Largest less smallest median of ten parts of the run, over the median of all."""
    medians = [float(np.median(part)) for part in np.array_split(ms, PARTS) if len(part)]
    return (max(medians) - min(medians)) / float(np.median(ms))
