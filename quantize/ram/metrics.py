"""How RAM's evaluation counts: average precision a tag, and class-averaged precision and recall.

As published: every column counts, one without a positive picture with 0; nothing is interpolated.
Equal scores are kept in the order of the pictures (upstream's order among them is NumPy's quick
sort's, which no version promises), so compare to about 1e-6, not to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

EPS_AP, EPS_PR = 1e-8, 1e-9  # the published denominators


def average_precisions(scores: F32, truth: Bool) -> F64:
    """(N, T) scores and labels -> (T,), 0..1: the mean precision at each positive, best first."""
    order = np.argsort(-scores, axis=0, kind="stable")
    is_hit = np.take_along_axis(truth, order, axis=0)
    hits = is_hit.cumsum(0)
    precision = hits / np.arange(1, len(scores) + 1)[:, None]
    at_hits: F64 = np.where(is_hit, precision, 0).sum(0) / (hits[-1] + EPS_AP)
    return at_hits


def precision_recall(given: Bool, truth: Bool) -> tuple[F64, F64]:
    """(N, T) tags given and labels -> precision (T,), recall (T,); their means are CP and CR."""
    right = (given & truth).sum(0)
    return right / (given.sum(0) + EPS_PR), right / (truth.sum(0) + EPS_PR)
