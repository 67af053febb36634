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

from edge.heads.scores import softmax
from edge.records import F32

F64 = NDArray[np.float64]
Indices = NDArray[np.int64]  # (N,) classes


def refit(head: nn.Linear, features: F32, labels: Indices, share: float) -> None:
    """The head, in place, becomes (1 - share) of itself and `share` of the discriminant.

    features  (N, D), what the network says of N pictures
    labels    (N,) of each, the last class "none of these"
    share     0..1

    Of the pictures that show none of them the covariance counts, too: what varies there tells
    nothing either. The discriminant is made as sure of its classes as the head is. A class without
    a picture keeps what the head says of it.
    """
    count = head.out_features
    weights, bias = discriminant(features, labels, count)
    own = features[labels < count - 1].astype(np.float64)
    learned = head.weight.detach().numpy().astype(np.float64), head.bias.detach().numpy()
    factor = _as_sure(own @ weights.T + bias, _sure(own @ learned[0].T + learned[1]))
    given = np.isin(np.arange(count), labels)[:, None] * share  # (K, 1)
    with torch.no_grad():
        for mine, new in ((head.weight, weights), (head.bias[:, None], bias[:, None])):
            mine.copy_(torch.from_numpy((1 - given) * mine.numpy() + given * factor * new))


def discriminant(features: F32, labels: Indices, count: int) -> tuple[F64, F64]:
    """Weights (K, D) and bias (K,) of K classes that are equally likely; see `refit`."""
    means = np.stack([_mean(features[labels == c], features) for c in range(count)])  # (K, D)
    covariance, _ = ledoit_wolf(features - means[labels], assume_centered=True)
    centre = means.mean(0)
    weights = np.linalg.solve(covariance, (means - centre).T).T
    return weights, -0.5 * ((means + centre) * weights).sum(1)


def _mean(rows: F32, everything: F32) -> F64:
    return np.asarray((rows if len(rows) else everything).mean(0, dtype=np.float64))


def _sure(logits: F64) -> float:
    """The mean of the largest probability of each row."""
    return float(softmax(logits).max(1).mean())


def _as_sure(logits: F64, wanted: float) -> float:
    """The factor that makes them as sure as `wanted`: more is more sure."""
    low, high = 1e-6, 1e6
    while high > 1.001 * low:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _sure(middle * logits) < wanted else (low, middle)
    return high
