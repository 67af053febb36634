"""Logits -> calibrated scores -> tags.

T is the number of tags; a head with `has_none` has one logit more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.bundle.manifest import Head
from edge.records import F32, Box, Tag


def scores(head: Head, logits: F32) -> F32:
    """(N, T) or, with `has_none`, (N, T + 1) logits -> as many probabilities, 0..1."""
    z = np.asarray(logits, np.float32) / np.float32(head.temperature)
    return softmax(z) if head.kind == "softmax" else sigmoid(z)


def softmax(z: F32) -> F32:
    """Over the last axis; rows sum to 1. The largest is taken off first, so nothing overflows."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(z: F32) -> F32:
    """Beyond 80 on either side float32 knows only 0 and 1, and exp would overflow at 89."""
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -80, 80))), np.float32)


def tags_for(
    head: Head,
    names: Sequence[tuple[str, str | None]],
    scores_row: F32,
    box: Box,
    top_k: int | None = None,
) -> list[Tag]:
    """The tags that one row of scores gives to `box`, best first.

    softmax: the best one, if it beats "none" and reaches its threshold. multilabel: all that reach
    theirs. With `top_k`, the head's best `top_k`, whatever the thresholds and "none" say.
    """
    real = scores_row[: len(names)]  # (T,)
    limits = np.broadcast_to(np.asarray(head.thresholds, np.float32), real.shape)  # (T,)
    order = np.argsort(-real, kind="stable")  # on a tie the earlier tag wins, on every machine
    if top_k is not None:
        chosen = order[: max(0, top_k)]
    elif head.kind == "softmax":
        chosen = order[:1][(real >= limits)[order[:1]]]
        if head.has_none and scores_row[-1] >= real[order[0]]:
            chosen = order[:0]
    else:
        chosen = order[(real >= limits)[order]]
    return [Tag(head.name, names[i][0], names[i][1], float(real[i]), box) for i in chosen]
