"""One matrix on a frozen embedding: logistic regression on what is known, and its measure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edge.records import F32
from quantize.fashion.attributes import GROUP_OF
from quantize.ram.metrics import average_precisions

Bool = NDArray[np.bool_]
DECAY = 3e-3  # of squared weights on features of deviation 1: few pictures, many features
STEPS = 60  # of L-BFGS; it stops by itself before


class Measured(msgspec.Struct, frozen=True):
    """How a tag does on held-out pictures of which it is known."""

    tag: str
    group: str
    count: int  # pictures
    present: int  # of which have it
    average_precision: float  # 0..1
    precision: float  # of the tags given at 0.5
    recall: float


def fit(features: F32, wanted: F32, sure: Bool, decay: float = DECAY) -> nn.Linear:
    """(N, D), (N, T) 0 or 1, (N, T) where that is known -> a layer that gives T logits.

    Features are brought to mean 0 and deviation 1 to learn on; the layer takes them as they are.
    Each tag's pictures weigh 1 together, however many are known.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-4
    x = torch.from_numpy((features - mean) / spread)
    y, weight = torch.from_numpy(wanted), torch.from_numpy(sure / np.maximum(sure.sum(0), 1))
    with torch.enable_grad():
        w = torch.zeros(wanted.shape[1], features.shape[1], requires_grad=True)
        b = torch.zeros(wanted.shape[1], requires_grad=True)
        _minimise(lambda: _loss(x @ w.T + b, y, weight.float()) + decay * (w * w).sum(), [w, b])
    layer = nn.Linear(features.shape[1], wanted.shape[1])
    with torch.no_grad():
        layer.weight.copy_(w / torch.from_numpy(spread))
        layer.bias.copy_(b - layer.weight @ torch.from_numpy(mean))
    return layer.requires_grad_(False)


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


@torch.no_grad()
def logits_of(layer: nn.Linear, features: F32) -> F32:
    return layer(torch.from_numpy(features)).numpy()


def measured(logits: F32, wanted: F32, sure: Bool, tags: Sequence[str]) -> list[Measured]:
    """Tags of which something is known, in their order."""
    found = []
    for i, tag in enumerate(tags):
        rows = sure[:, i]
        if rows.any():
            found.append(_measure(tag, logits[rows, i], wanted[rows, i] > 0))
    return found


def _measure(tag: str, logits: F32, has: Bool) -> Measured:
    given = logits > 0
    right = int((given & has).sum())
    precise = float(average_precisions(logits[:, None], has[:, None])[0]) if has.any() else 0.0
    return Measured(
        tag,
        GROUP_OF[tag],
        len(has),
        int(has.sum()),
        round(precise, 4),
        round(right / max(1, int(given.sum())), 4),
        round(right / max(1, int(has.sum())), 4),
    )


def group_accuracy(
    logits: F32, wanted: F32, sure: Bool, tags: Sequence[str]
) -> dict[str, tuple[int, float]]:
    """Group -> pictures that have one of its tags, and how often that one has the best logit."""
    found = {}
    for group in dict.fromkeys(GROUP_OF[tag] for tag in tags):
        own = [i for i, tag in enumerate(tags) if GROUP_OF[tag] == group]
        rows = (sure[:, own] & (wanted[:, own] > 0)).any(1)
        if len(own) > 1 and rows.any():
            hit = logits[rows][:, own].argmax(1) == wanted[rows][:, own].argmax(1)
            found[group] = int(rows.sum()), round(float(hit.mean()), 4)
    return found
