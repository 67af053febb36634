"""Examples and "none of these" -> a matrix whose product with an embedding is a score a tag. Pure.

A weighted ridge regression of "is it this tag" on embeddings from which the mean of the negatives
is taken off: it learns what sets the tags apart from one another and from the negatives, has a
closed form, and so has what it would have said of an example that it had not seen. Those answers
are what the probabilities are calibrated on. D embedding size, T tags, V views, N negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from edge.records import F32, F64, NDArray

RIDGE = 0.3  # an example counts 1; halves the score of what one example alone says
# Of drawn pictures (see memory.places) 0.05 names 62 %, 2 wrongly, and one in 0 % of those without;
# 0.055: 65, 4, 1; 0.06: 66, 5, 1; 0.08: 67, 9, 7; 0.1: 71, 15, 12.
FALSE_ACCEPTS = 0.055  # of negatives may be taken for a tag
SHARPNESS = np.geomspace(4, 64, 25)  # tried: between tags
STEEPNESS = np.geomspace(8, 48, 19)  # tried: between a tag and none
RAISED = np.linspace(0, 0.4, 17)  # tried: how far the limit lies above what negatives ask for
STRANGERS = 0.25  # as many of them as negatives: things of tags that nobody enrolled
USUAL = 16.0  # of both, where too few examples are there to tell


class Fit(msgspec.Struct, frozen=True, eq=False):
    """What is needed to read an embedding."""

    weights: F32  # (T, D)
    mean: F32  # (D,) of the negatives
    limit: float  # score at which a tag is as likely as none
    steep: float  # log-odds of "a tag, not none" a unit of score above `limit`
    sharp: float  # log-odds between two tags a unit of score
    recalled: tuple[float | None, ...] = ()  # a tag: views named right without their own example

    def probabilities(self, embeddings: F32) -> F32:
        """(R, D) of length 1 -> (R, T + 1), the last column "none of these"; rows sum to 1."""
        return probabilities(
            centred(embeddings, self.mean) @ self.weights.T, self.limit, self.steep, self.sharp
        )


def probabilities(scores: F32, limit: float, steep: float, sharp: float) -> F32:
    """(R, T) -> (R, T + 1). How many tags there are does not make "none" less likely."""
    top = scores.max(axis=1, keepdims=True)
    known = 1 / (1 + np.exp(np.clip(-steep * (top - limit), -60, 60)))  # (R, 1)
    each = np.exp(sharp * (scores - top))
    return np.hstack([known * each / each.sum(axis=1, keepdims=True), 1 - known]).astype(np.float32)


def centred(embeddings: F32, mean: F32) -> F32:
    """Without what all pictures have in common; rows of length 1."""
    rows = embeddings - mean
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9))


def fit(
    examples: Sequence[F32], tags: Sequence[int], negatives: F32, beside: F32 | None = None
) -> Fit:
    """Learn the tags 0 to T - 1, each of which has an example.

    examples   a picture each: (v, D) embeddings of its views, length 1
    tags       which tag each example is of
    negatives  (N, D) embeddings of what is none of them
    beside     (B, D) of what is likely none of them: other parts of the examples' pictures. What
               looks like a tag all the same may be one, once more in the picture, and is left out
    """
    mean = negatives.mean(axis=0)
    if beside is None or not len(beside):
        return _learned(examples, tags, negatives, mean)
    first = _learned(examples, tags, negatives, mean)
    scores = centred(beside, mean) @ first.weights.T  # (B, T)
    none = beside[scores.max(axis=1) < first.limit]
    return _learned(examples, tags, np.concatenate([negatives, none]), mean)


def _learned(examples: Sequence[F32], tags: Sequence[int], negatives: F32, mean: F32) -> Fit:
    count = max(tags) + 1
    # an example counts 1, whatever its views, and the negatives as much as one example of each tag
    counts = [np.full(len(rows), 1 / len(rows)) for rows in examples]
    root = np.sqrt(np.concatenate([*counts, np.full(len(negatives), count / len(negatives))]))
    rows = np.concatenate([centred(part, mean) for part in (*examples, negatives)])
    y = np.zeros((len(rows), count))  # (V + N, T)
    ends = np.cumsum([0, *map(len, examples)])
    blocks = [np.arange(start, end) for start, end in pairwise(ends)]
    for block, tag in zip(blocks, tags, strict=True):
        y[block, tag] = root[block]
    weights, unseen = _solved(rows * root[:, None], y)
    said = [unseen(block) / root[block, None] for block in blocks]  # (v, T) each
    alone = [unseen(np.array([n])) / root[n] for n in range(ends[-1], len(rows))]
    # A tag's views, as the other tags would see them were it not enrolled.
    strangers = [
        np.delete(unseen(own) / root[own, None], tag, axis=1)
        for tag in (range(count) if count > 1 else ())
        for own in [np.concatenate([b for b, of in zip(blocks, tags) if of == tag])]
    ]
    limit, steep, sharp = _calibrated(said, tags, np.concatenate(alone), strangers)
    recalled = tuple(_recalled(said, tags, tag, limit) for tag in range(count))
    return Fit(np.asarray(weights.T, np.float32), mean, limit, steep, sharp, recalled)


def _solved(x: F64, y: F64) -> tuple[F64, Callable[[NDArray[np.intp]], F64]]:
    """(n, D), (n, T) -> (D, T) weights, and what would be said of some rows had they not been
    learned from, (v, T): a ridge regression knows without learning again.

    In whichever of the two spaces is smaller: a few examples take milliseconds.
    """
    if len(x) <= x.shape[1]:
        inverse = np.linalg.inv(x @ x.T + RIDGE * np.eye(len(x)))  # (n, n)
        weights = x.T @ (inverse @ y)

        def hat(rows: NDArray[np.intp]) -> F64:
            return np.asarray(np.eye(len(rows)) - RIDGE * inverse[np.ix_(rows, rows)])
    else:
        inverse = np.linalg.inv(x.T @ x + RIDGE * np.eye(x.shape[1]))  # (D, D)
        weights = inverse @ (x.T @ y)

        def hat(rows: NDArray[np.intp]) -> F64:
            return np.asarray(x[rows] @ inverse @ x[rows].T)

    def unseen(rows: NDArray[np.intp]) -> F64:
        own = hat(rows)
        left = x[rows] @ weights - own @ y[rows]
        return np.asarray(np.linalg.solve(np.eye(len(rows)) - own, left))

    return weights, unseen


def _recalled(unseen: Sequence[F64], tags: Sequence[int], tag: int, limit: float) -> float | None:
    """How often a tag's views are named right without their example; None with one example."""
    own = [rows for rows, of in zip(unseen, tags) if of == tag]
    if len(own) < 2:
        return None
    rows = np.concatenate(own)
    return round(float(((rows.argmax(axis=1) == tag) & (rows[:, tag] >= limit)).mean()), 4)


def _calibrated(
    unseen: Sequence[F64], tags: Sequence[int], negatives: F64, strangers: Sequence[F64]
) -> tuple[float, float, float]:
    """Limit, steepness and sharpness, from answers about what was not learned."""
    alone = [tags.count(tag) == 1 for tag in tags]  # nothing would be known of its tag without it
    known = [(rows, tag) for rows, tag, one in zip(unseen, tags, alone) if not one]
    none = negatives.max(axis=1)
    if strangers:
        wrong = np.sort(np.concatenate([rows.max(axis=1) for rows in strangers]))
        evenly = np.linspace(0, len(wrong) - 1, round(STRANGERS * len(none))).round().astype(int)
        none = np.concatenate([none, wrong[evenly]])
    least = float(np.quantile(none, 1 - FALSE_ACCEPTS))
    if not known:
        return least, USUAL, USUAL
    right = np.concatenate([rows.max(axis=1) for rows, _ in known])
    limit, steep = min(
        ((limit, steep) for limit in least + RAISED for steep in STEEPNESS),
        key=lambda both: _mistaken(both[1] * (right - both[0]), both[1] * (none - both[0])),
    )
    sharp = min(SHARPNESS, key=lambda s: _confused(s, known))
    return float(limit), float(steep), float(sharp)


def _mistaken(right: F64, none: F64) -> float:
    """The log-loss of log-odds, both sides counting the same."""
    return float(np.logaddexp(0, -right).mean() + np.logaddexp(0, none).mean())


def _confused(sharp: float, known: Sequence[tuple[F64, int]]) -> float:
    """The log-loss between tags."""
    loss = 0.0
    for rows, tag in known:
        z = sharp * (rows - rows.max(axis=1, keepdims=True))
        loss += float((np.log(np.exp(z).sum(axis=1)) - z[:, tag]).mean())
    return loss
