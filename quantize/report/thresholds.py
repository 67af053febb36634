"""What turns logits into honest scores and scores into tags: a temperature and thresholds a head.

Temperature: Guo et al. 2017 (arXiv:1706.04599), one number that makes the labels of held-out
pictures most likely. Threshold: the smallest score at which a head is right PRECISION of the time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.records import F32

PRECISION = 0.9
TEACHER_SURE = 0.3  # a tag the teacher gives this probability counts as present
LIKELY = 0.5  # who is told a tag takes it for true: one less likely than not is not told
ENOUGH = 8  # pictures with a tag before it gets a threshold of its own
LIMITS = (0.1, 0.95)  # a tag that one would not bet on one time in ten is noise
TEMPERATURES = np.geomspace(0.25, 4.0, 81)

Labels = NDArray[np.int64]


def softmax_temperature(logits: F32, labels: Labels) -> float:
    """Best temperature for (N, T + 1) logits and (N,) labels."""

    def surprise(t: float) -> float:
        z = logits / t
        z = z - z.max(1, keepdims=True)
        picked = np.take_along_axis(z, labels[:, None], 1)[:, 0]
        return float((np.log(np.exp(z).sum(1)) - picked).mean())

    return _least(surprise)


def sigmoid_temperature(logits: F32, wanted: F32) -> float:
    """Best temperature for (N, T) logits and (N, T) probabilities."""

    def surprise(t: float) -> float:
        z = logits / t
        return float((np.logaddexp(0, z) - wanted * z).mean())

    return _least(surprise)


def softmax_threshold(scores: F32, labels: Labels) -> float:
    """Smallest score at which the best tag is right PRECISION of the time.

    scores (N, T + 1), labels (N,), both with "none" last: naming something where there is nothing
    is an error like any other.
    """
    none = scores.shape[1] - 1
    best = scores.argmax(1)
    given = best != none
    score, right = scores.max(1)[given], (best == labels)[given]
    order = np.argsort(-score)
    precision = np.cumsum(right[order]) / np.arange(1, order.size + 1)
    good = np.flatnonzero(precision >= PRECISION)
    return _within(float(score[order][good[-1]]) if good.size else LIMITS[1])


def tag_thresholds(scores: F32, wanted: F32, sure: F32 | float = TEACHER_SURE) -> list[float]:
    """A threshold a tag: best F1 against the teacher; the common one where a tag is too rare.

    scores, wanted (N, T); a tag is present where it is wanted at least `sure`, one for all tags or
    (T,).
    """
    present = wanted >= sure
    common = _best_f1(scores.ravel(), present.ravel())
    rare = present.sum(0) < ENOUGH
    own = [
        common if rare[t] else _best_f1(scores[:, t], present[:, t]) for t in range(scores.shape[1])
    ]
    return [round(value, 4) for value in own]


def _best_f1(scores: F32, present: NDArray[np.bool_]) -> float:
    order = np.argsort(-scores, kind="stable")[: max(ENOUGH, 20 * int(present.sum()))]
    hits = np.cumsum(present[order])
    f1 = 2 * hits / (np.arange(1, order.size + 1) + max(1, present.sum()))
    return _within(float(scores[order][int(f1.argmax())]))


def _within(threshold: float) -> float:
    return round(min(max(threshold, LIMITS[0]), LIMITS[1]), 4)


def _least(surprise: Callable[[float], float]) -> float:
    """The best of TEMPERATURES in 14 looks instead of 81: surprise falls, then rises.

    It is convex in 1 / temperature, for softmax and sigmoid alike.
    """
    low, high = 0, len(TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        if surprise(TEMPERATURES[middle]) <= surprise(TEMPERATURES[middle + 1]):
            high = middle
        else:
            low = middle + 1
    return round(float(TEMPERATURES[low]), 4)
