"""How well a student says what its teacher says. Pure: arrays in, numbers out.

N pictures, T tags. A tag is "present" where the teacher's score reaches its threshold.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.records import F32

Flags = NDArray[np.bool_]
F64 = NDArray[np.float64]
DIGITS = 4


class OfTag(msgspec.Struct, frozen=True):
    """Of one tag."""

    ap: float  # average precision
    pictures: int  # in which the teacher sees it


class Agreement(msgspec.Struct, frozen=True):
    """Of a student with its teacher on pictures that neither learned from."""

    pictures: int
    mean_ap: float  # of the tags that are present somewhere and absent somewhere
    chance: float  # the mean AP of a student that guesses
    judged: int  # how many tags these are
    tags: dict[str, OfTag]


def average_precision(scores: F32, present: Flags) -> F64:
    """(N, T) twice -> (T,): the mean, over the pictures that have the tag, of the precision among
    all pictures that score no less; NaN for a tag that no picture has.

    Not interpolated, as RAM counts it; pictures of equal score count together, so that a student
    that says the same of every picture is no better than chance.
    """
    return np.array([_one(scores[:, t], present[:, t]) for t in range(scores.shape[1])])


def _one(scores: F32, present: Flags) -> float:
    if not present.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], present[order].cumsum()
    last = np.searchsorted(-ranked, -ranked, side="right")  # of the pictures with the same score
    precision = hits[last - 1] / last
    return float(precision[present[order]].mean())


def agreement(scores: F32, present: Flags, tags: tuple[str, ...]) -> Agreement:
    """(N, T) the student's scores and what the teacher sees; `tags` in their order."""
    counts = present.sum(0)
    judged = np.flatnonzero((counts > 0) & (counts < len(present)))
    ap = average_precision(scores[:, judged], present[:, judged])
    return Agreement(
        pictures=len(scores),
        mean_ap=_mean(ap),
        chance=_mean(counts[judged] / max(1, len(present))),
        judged=len(judged),
        tags={tags[t]: OfTag(round(float(v), DIGITS), int(counts[t])) for t, v in zip(judged, ap)},
    )


def _mean(values: F64) -> float:
    return round(float(values.mean()), DIGITS) if values.size else 0.0
