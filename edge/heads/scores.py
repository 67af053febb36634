"""Logits -> calibrated scores -> tags.

T is the number of tags; a head with `has_none` has one logit more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge.bundle.manifest import Head
from edge.records import F32, Box, NDArray, Tag

UNSURE = 0.6  # of a group: it is said of what no tag is sure of, and shall be right all the more
# Of a place that no other look shows too; where there are such looks, see `memory.places`. Not 1:
# neighbours share what they show.
APART = 0.6
GALLERY = "gallery"  # the head of what was enrolled on the device
ATTRIBUTES = "attributes"  # the head whose tags are said of garments, not beside them
GARMENTS = frozenset({"clothes"})  # heads whose things have a colour and attributes


def scores(head: Head, logits: F32) -> F32:
    """(N, T) or, with `has_none`, (N, T + 1) logits -> as many probabilities, 0..1."""
    z = np.asarray(logits, np.float32) / np.float32(head.temperature)
    return softmax(z) if head.kind == "softmax" else sigmoid(z)


def softmax(z: F32) -> F32:
    """Over the last axis; rows sum to 1. The largest is taken off first, so nothing overflows."""
    e = np.exp(z - np.maximum.reduce(z, axis=-1, keepdims=True))
    return np.asarray(e / np.add.reduce(e, axis=-1, keepdims=True), np.float32)


def sigmoid(z: F32) -> F32:
    """Beyond 80 on either side float32 knows only 0 and 1, and exp would overflow at 89."""
    return np.asarray(1 / (1 + np.exp(np.minimum(np.maximum(-z, -80), 80))), np.float32)


def among(scores_row: F32, places: float) -> F32:
    """A row with "none" of a place that is one of so many: the more, the less likely it is to show
    a tag before anybody looked. Without that, many looks would find something in any frame.
    """
    known, none = scores_row[:-1] / places**APART, scores_row[-1:]
    return np.asarray(np.concatenate([known, none]) / (known.sum() + none[0]), np.float32)


def is_likely(scores_row: F32, places: float) -> bool:
    """Whether a place that is one of so many shows a tag rather than "none". Of 29 tiles of 16
    composed 4K scenes that were told a tag, wrongly or of a thing beside them, 2 are so sure; of 28
    that hold the thing, 20.
    """
    return float(scores_row[:-1].sum()) >= places * float(scores_row[-1])


def tags_for(
    head: Head,
    names: Sequence[tuple[str, str | None]],
    scores_row: F32,
    box: Box,
    top_k: int | None = None,
) -> list[Tag]:
    """The tags that one row of scores gives to `box`, best first.

    softmax: the best one, if it beats "none" and reaches its threshold, else its group, if that
    does: see `group_for`. multilabel: all that reach theirs. With `top_k`, the head's best `top_k`,
    whatever the thresholds and "none" say.
    """
    real = scores_row[: len(names)]  # (T,)
    reached = real >= head.limits  # (T,)
    if top_k is not None:
        chosen = ranked(real)[: max(0, top_k)].tolist()
    elif head.kind == "softmax":
        best = int(real.argmax())
        is_none = head.has_none and scores_row[-1] >= real[best]
        chosen = [best] if reached[best] and not is_none else []
    else:
        rows = np.nonzero(reached)[0]
        chosen = rows[ranked(real[rows])].tolist()
    if head.kind == "softmax" and top_k is None and not chosen:
        return group_for(head, names, scores_row, box)
    return [Tag(head.name, names[i][0], names[i][1], float(real[i]), box) for i in chosen]


def reaching(
    tags: Sequence[Tag],
    heads: Sequence[Head],
    names: Mapping[str, Sequence[tuple[str, str | None]]],
) -> tuple[Tag, ...]:
    """Of the best `top_k`, those that reach their thresholds. names: by head."""
    least = {
        (head.name, name): float(limit)
        for head in heads
        for (name, _), limit in zip(
            names[head.name], np.broadcast_to(head.limits, len(names[head.name]))
        )
    }
    return tuple(tag for tag in tags if tag.score >= least.get((tag.head, tag.tag), 0.0))


def ranked(row: F32) -> NDArray[np.intp]:
    """Places in a row, the highest first; on a tie the earlier one, on every machine."""
    return np.argsort(-row, kind="stable")


def group_for(
    head: Head, names: Sequence[tuple[str, str | None]], scores_row: F32, box: Box
) -> list[Tag]:
    """The best group of a softmax head, where no tag of it is sure enough: what its tags have in
    common. Its score is the sum of theirs, and must beat "none", reach UNSURE and the threshold of
    each of its tags. A group of one tag tells no more than the tag.
    """
    none = float(scores_row[-1]) if head.has_none else 0.0
    if none >= 0.5:  # as of most that is looked at
        return []
    limits = np.broadcast_to(head.limits, len(names))
    sums: dict[str, float] = {}
    least: dict[str, float] = {}
    counts: dict[str, int] = {}
    for (_, group), score, limit in zip(names, scores_row, limits):
        if group is not None:
            sums[group] = sums.get(group, 0.0) + float(score)
            least[group] = max(least.get(group, UNSURE), float(limit))
            counts[group] = counts.get(group, 0) + 1
    if not sums:
        return []
    best = max(sums, key=lambda group: sums[group])
    if counts[best] < 2 or sums[best] < least[best] or sums[best] <= none:
        return []
    return [Tag(head.name, best, best, min(1.0, sums[best]), box, level="group")]


def none_for(heads: Sequence[Head], rows: Mapping[str, F32]) -> dict[str, float]:
    """Head -> probability of "none of these", of the heads that know it; empty where one of them
    has a better answer.
    """
    known = {head.name: rows[head.name] for head in heads if head.has_none and head.name in rows}
    if any(row[-1] < row.max() for row in known.values()):
        return {}
    return {name: float(row[-1]) for name, row in known.items()}
