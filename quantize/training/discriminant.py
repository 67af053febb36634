"""A head in closed form: what tells classes apart, against what varies within them.

A network that has learned its pictures by heart tells them apart whatever its head says; how they
still differ within a class, in light, pose and ground, is what a head learned by descent does not
see any more, and what decides on pictures that nobody has seen. Fisher's linear discriminant (1936,
Annals of Eugenics 7) with one covariance for all classes, shrunk after Ledoit and Wolf (2004, JMVA
88), looks at nothing else. The mean of both heads is a head as small as either.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from torch import nn

from edge.records import F32

F64 = NDArray[np.float64]
Labels = NDArray[np.int64]  # (N,) classes


def refit(head: nn.Linear, features: F32, labels: Labels, share: float) -> None:
    """The head, in place, becomes (1 - share) of itself and `share` of the discriminant.

    features  (N, D), what the network says of N pictures
    labels    (N,) of each, the last class "none of these"
    share     0..1

    "None" has a mean, and no part in the covariance: what varies in it is everything there is. A
    class without a picture keeps what the head says of it.
    """
    count = head.out_features
    weights, bias = discriminant(features, labels, count)
    own = features[labels < count - 1].astype(np.float64)
    learned = head.weight.detach().numpy().astype(np.float64), head.bias.detach().numpy()
    factor = _spread(own, *learned) / _spread(own, weights, bias)
    given = np.isin(np.arange(count), labels)[:, None] * share  # (K, 1)
    with torch.no_grad():
        for mine, new in ((head.weight, weights), (head.bias[:, None], bias[:, None])):
            mine.copy_(torch.from_numpy((1 - given) * mine.numpy() + given * factor * new))


def discriminant(features: F32, labels: Labels, count: int) -> tuple[F64, F64]:
    """Weights (K, D) and bias (K,) of K classes that are equally likely; see `refit`."""
    means = np.stack([_mean(features[labels == c], features) for c in range(count)])  # (K, D)
    is_own = labels < count - 1
    within = features[is_own] - means[labels[is_own]]
    covariance, _ = ledoit_wolf(within, assume_centered=True)
    centre = means.mean(0)
    weights = np.linalg.solve(covariance, (means - centre).T).T
    return weights, -0.5 * ((means + centre) * weights).sum(1)


def _mean(rows: F32, everything: F32) -> F64:
    return np.asarray((rows if len(rows) else everything).mean(0, dtype=np.float64))


def _spread(features: F64, weights: F64, bias: NDArray[np.floating]) -> float:
    """How far logits are from one another: their standard deviation within a picture."""
    logits = features @ weights.T + bias
    return float(logits.std(axis=1).mean())
