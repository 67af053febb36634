"""The arithmetic of a comparison. Pure: arrays in, numbers out.

N pictures, T tags. A softmax head with "none" has T + 1 logits; nothing here names "none".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edge.records import F32
from quantize.report.records import Bin, Confusion, Kind, Loss, Share

Z = 1.959964  # 95 % of a normal distribution lie within this many standard deviations
BINS = 15  # of the calibration error, as Guo et al. 2017 count it
CONFUSED = 10  # pairs of tags listed a head
DIGITS = 4  # of a share: a hundredth of a point

Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]
F64 = NDArray[np.float64]


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) where there are no pictures."""
    if not 0 <= right <= count:
        raise ValueError(f"right is {right}, expected 0 to {count}")
    if count == 0:
        return 0.0, 1.0
    share, z2 = right / count, Z * Z / count
    centre = (share + z2 / 2) / (1 + z2)
    half = Z * sqrt(share * (1 - share) / count + z2 / (4 * count)) / (1 + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def share_of(right: Flags) -> Share:
    """(N,) was it right? -> the share, with its interval. N > 0."""
    hits, count = int(right.sum()), len(right)
    low, high = wilson(hits, count)
    return Share(hits, count, *(round(v, DIGITS) for v in (hits / count, low, high)))


def loss_of(float_right: Flags, int8_right: Flags) -> Loss:
    """What int8 loses on pictures that float saw too: the interval of Agresti and Min 2005.

    Only pictures on which the two differ say anything, so it is much narrower than the intervals
    of both shares together.
    """
    lost = int((float_right & ~int8_right).sum())
    gained = int((~float_right & int8_right).sum())
    count = len(float_right)
    b, c, n = lost + 0.5, gained + 0.5, count + 2  # half a picture more in each of the four cells
    middle, half = (b - c) / n, Z * sqrt(b + c - (b - c) ** 2 / n) / n
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Loss(*(round(v, DIGITS) for v in ((lost - gained) / count, low, high)))


def f1(given: Flags, present: Flags) -> float:
    """Of all pictures and tags together ("micro"), both (N, T).

    1 where there is nothing to give and nothing given.
    """
    wanted = int(given.sum()) + int(present.sum())
    return 2 * int((given & present).sum()) / wanted if wanted else 1.0


def best_group(scores: F32, group: Indices) -> Indices:
    """(N, T) scores, (T,) group of each tag -> (N,) the group whose scores sum highest."""
    members = np.zeros((len(group), int(group.max()) + 1), np.float32)
    members[np.arange(len(group)), group] = 1
    return np.asarray((scores[:, : len(group)] @ members).argmax(1), np.int64)


def reliability(score: F32, right: F32, bins: int = BINS) -> tuple[Bin, ...]:
    """(N,) best scores and (N,) 0..1 how right they were -> bins of equal width.

    Bin m holds scores in (m / bins, (m + 1) / bins]; a score of 0 is in the first.
    """
    place = np.clip(np.ceil(score.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    mean_score = np.bincount(place, score, bins) / filled
    mean_right = np.bincount(place, right, bins) / filled
    return tuple(
        Bin(int(n), round(float(s), DIGITS), round(float(r), DIGITS))
        for n, s, r in zip(count, mean_score, mean_right)
    )


def ece(bins: Sequence[Bin]) -> float:
    """Expected calibration error: how far score and truth are apart, on average. 0..1."""
    count = sum(b.count for b in bins)
    apart = sum(b.count * abs(b.score - b.right) for b in bins)
    return round(apart / count, DIGITS) if count else 0.0


def confusions(labels: Indices, best: Indices, tags: Sequence[str]) -> tuple[Confusion, ...]:
    """The pairs most often confused; of equally many, the one that loses the larger share first."""
    of = Counter(labels.tolist())
    pairs = Counter((a, b) for a, b in zip(labels.tolist(), best.tolist()) if a != b)
    order = sorted(pairs.items(), key=lambda item: (-item[1], -item[1] / of[item[0][0]], item[0]))
    return tuple(Confusion(tags[a], tags[b], n, of[a]) for (a, b), n in order[:CONFUSED])


def distances(kind: Kind, one: F32, other: F32) -> F64:
    """(N, T) scores twice -> (N,) 0..1, how far apart the answers are.

    softmax: the share of the score that sits elsewhere (total variation). multilabel: the largest
    difference of a tag.
    """
    apart = np.abs(one.astype(np.float64) - other)  # (N, T)
    return np.asarray(apart.sum(1) / 2 if kind == "softmax" else apart.max(1))
