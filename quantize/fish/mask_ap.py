"""COCO's average precision of masks, as pycocotools computes it. numpy alone.

Ten thresholds of intersection over union, 101 places of recall, at most 100 masks a picture and
species; what is given to a mask is the best one still free.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100


class MaskSet(msgspec.Struct, frozen=True, eq=False):
    """Masks of one picture."""

    masks: NDArray[np.bool_]  # (N, H, W)
    species: NDArray[np.int64]  # (N,)
    scores: NDArray[np.float64] = np.zeros(0)  # (N,); of labels none


def mask_ap(found: Sequence[MaskSet], truth: Sequence[MaskSet]) -> dict[str, float]:
    """ "mAP", "AP50", "AP75", 0..1, over all pictures; mAP is the mean over species."""
    species = sorted({int(s) for one in truth for s in one.species})
    each = np.array([_of_species(found, truth, s) for s in species])  # (S, 10)
    if not len(each):
        return {"mAP": 0.0, "AP50": 0.0, "AP75": 0.0}
    return {"mAP": float(each.mean()), "AP50": float(each[:, 0].mean()),
            "AP75": float(each[:, 5].mean())}  # fmt: skip


def ious(masks: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, M) intersection over union."""
    a = masks.reshape(len(masks), int(np.prod(masks.shape[1:]))).astype(np.float32)
    b = others.reshape(len(others), int(np.prod(others.shape[1:]))).astype(np.float32)
    both = (a @ b.T).astype(np.float64)
    either = a.sum(1)[:, None] + b.sum(1)[None] - both
    return np.asarray(both / np.maximum(either, 1))


def _of_species(
    found: Sequence[MaskSet], truth: Sequence[MaskSet], species: int
) -> NDArray[np.float64]:
    """(10,) average precision at each threshold."""
    scores, hits, count = [], [], 0
    for given, labels in zip(found, truth, strict=True):
        own, wanted = given.species == species, labels.masks[labels.species == species]
        order = np.argsort(-given.scores[own], kind="mergesort")[:MOST]
        overlap = ious(given.masks[own][order], wanted)
        scores.append(given.scores[own][order])
        hits.append(np.stack([_matched(overlap, t) for t in THRESHOLDS], 1))
        count += len(wanted)
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    return _area(np.concatenate(hits)[order], count)


def _matched(overlap: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """(N,) of each mask, best first, whether a label is left for it."""
    free = np.ones(overlap.shape[1], bool)
    hit = np.zeros(len(overlap), bool)
    for n, row in enumerate(overlap):
        fits = np.where(free & (row >= min(threshold, 1 - 1e-10)), row, -1.0)
        if len(fits) and fits.max() >= 0:
            free[len(fits) - 1 - int(np.argmax(fits[::-1]))] = False  # of equals the last, as there
            hit[n] = True
    return hit


def _area(hits: NDArray[np.bool_], count: int) -> NDArray[np.float64]:
    """hits (N, 10), best score first -> (10,) mean precision over RECALLS."""
    if not count or not len(hits):
        return np.zeros(hits.shape[1])
    right = np.cumsum(hits, 0)
    precision = right / np.arange(1, len(hits) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = right / count
    found = np.zeros((len(RECALLS), hits.shape[1]))
    for k in range(hits.shape[1]):
        at = np.searchsorted(recall[:, k], RECALLS, side="left")
        held = at < len(hits)
        found[held, k] = precision[at[held], k]
    return np.asarray(found.mean(0))
