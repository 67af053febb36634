"""One matrix on a frozen embedding: logistic regression on what is known, and its measure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edge.records import F32
from quantize.fashion.attributes import GROUP_OF
from quantize.ram.metrics import average_precisions

Bool = NDArray[np.bool_]
DECAY = 3e-3  # of squared weights on features of deviation 1: few pictures, many features
STEPS = 60  # of L-BFGS; it stops by itself before
SEEN = 10  # held-out pictures with a tag, to judge it by
RIGHT = 0.75  # precision from which a tag is worth telling
CLEARLY = 0.1  # of F1, above the baseline


class Measured(msgspec.Struct, frozen=True):
    """How a tag does on held-out pictures of which it is known."""

    tag: str
    group: str
    count: int  # pictures
    present: int  # of which have it
    average_precision: float  # 0..1; that of chance is `present` of `count`
    precision: float  # of the tags given
    recall: float
    f1: float
    baseline: float  # F1 of whoever says it of every picture, the best that one can do blindly


def is_learned(tag: Measured) -> bool:
    """Is it clearly better than saying it blindly, and right often enough to be told?"""
    is_better = tag.f1 >= tag.baseline + CLEARLY
    return tag.present >= SEEN and tag.precision >= RIGHT and is_better


def fit(features: F32, wanted: F32, sure: Bool, decay: float = DECAY) -> tuple[F32, F32]:
    """(N, D), (N, T) 0 or 1, (N, T) where that is known -> weights (T, D) and bias (T,) of logits.

    Features are brought to mean 0 and deviation 1 to learn on; the weights take them as they are.
    Each tag's pictures weigh 1 together, however many are known.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-4
    x = torch.from_numpy((features - mean) / spread)
    y, weight = torch.from_numpy(wanted), torch.from_numpy(sure / np.maximum(sure.sum(0), 1))
    with torch.enable_grad():
        w = torch.zeros(wanted.shape[1], features.shape[1], requires_grad=True)
        b = torch.zeros(wanted.shape[1], requires_grad=True)
        _minimise(lambda: _loss(x @ w.T + b, y, weight.float()) + decay * (w * w).sum(), [w, b])
    weights = w.detach().numpy() / spread
    return weights, b.detach().numpy() - weights @ mean


def _loss(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    return (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight).sum()


def _minimise(loss, parameters: list[Tensor]) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value: Tensor = loss()
        value.backward()
        return value

    optimiser.step(closure)


def measured(
    scores: F32, told: Bool, wanted: F32, sure: Bool, tags: Sequence[str]
) -> list[Measured]:
    """Tags of which something is known, in their order."""
    found = []
    for i, tag in enumerate(tags):
        rows = sure[:, i]
        if rows.any():
            found.append(_measure(tag, scores[rows, i], told[rows, i], wanted[rows, i] > 0))
    return found


def _measure(tag: str, scores: F32, told: Bool, has: Bool) -> Measured:
    right, present = int((told & has).sum()), int(has.sum())
    precise = float(average_precisions(scores[:, None], has[:, None])[0]) if has.any() else 0.0
    shares = (
        precise,
        right / max(1, int(told.sum())),
        right / max(1, present),
        2 * right / max(1, int(told.sum()) + present),
        2 * present / (len(has) + present),
    )
    return Measured(tag, GROUP_OF[tag], len(has), present, *(round(s, 4) for s in shares))


def group_accuracy(
    scores: F32, wanted: F32, sure: Bool, tags: Sequence[str]
) -> dict[str, tuple[int, float]]:
    """Group -> pictures that have one of its tags, and how often that one has the best score."""
    found = {}
    for group in dict.fromkeys(GROUP_OF[tag] for tag in tags):
        own = [i for i, tag in enumerate(tags) if GROUP_OF[tag] == group]
        rows = (sure[:, own] & (wanted[:, own] > 0)).any(1)
        if len(own) > 1 and rows.any():
            hit = scores[rows][:, own].argmax(1) == wanted[rows][:, own].argmax(1)
            found[group] = int(rows.sum()), round(float(hit.mean()), 4)
    return found
