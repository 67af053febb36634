"""Answers and truth -> how one artifact did on one head.

A temperature or threshold that no bundle gives is fitted here, on one half of the pictures, and
judged on the other, both ways round: fitted and judged on the same ones it would flatter.
"""

from __future__ import annotations

import msgspec
import numpy as np

from edge.heads.scores import sigmoid, softmax
from edge.records import F32
from quantize.pictures import groups_of
from quantize.report import measures, thresholds
from quantize.report.measures import Flags, Indices
from quantize.report.models import HeadSpec
from quantize.report.records import Bin, Calibration, Confusion, HeadScore, Kind, Share
from quantize.report.truth import Truth

ENOUGH = 10  # pictures in each half, to fit anything


class Judged(msgspec.Struct, frozen=True, eq=False):
    """A score, and what the comparison of two artifacts needs of it."""

    score: HeadScore
    best: Indices  # (n,) the best tag of every picture judged
    right: Flags | None  # (n,) None where nobody said


def judge(
    head: HeadSpec,
    kind: Kind,
    logits: F32,
    truth: Truth | None,
    teacher: Truth | None,
    half: Flags,
) -> Judged:
    """logits: (N, T) or (N, T + 1); half: (N,) which half of the pictures one is in."""
    count = len(head.tags)
    agrees = None
    if teacher is not None:
        agrees = measures.share_of(logits[teacher.rows, :count].argmax(1) == teacher.best)
    if truth is None:
        return Judged(HeadScore(teacher=agrees), logits[:, :count].argmax(1), None)
    mine, half = logits[truth.rows], half[truth.rows]
    best = mine[:, :count].argmax(1)
    right = _right(truth, best)
    scores, calibration = _calibrated(head, kind, mine, truth, half)
    given = _given(head, scores, truth, half) if kind == "multilabel" else None
    score = HeadScore(
        top1=measures.share_of(right),
        group=_group(head, scores, truth) if kind == "softmax" else None,
        f1=None if given is None else round(measures.f1(given, truth.present), measures.DIGITS),
        teacher=agrees,
        calibration=calibration,
        by_tag=_by_tag(head, truth, right, given),
        confused=_confused(head, kind, truth, best),
    )
    return Judged(score, best, right)


def against(one: Judged, other: Judged) -> HeadScore:
    """The score of int8, `one`, with what sets it apart from float, `other`, on the same engine."""
    loss = None
    if one.right is not None and other.right is not None:
        loss = measures.loss_of(other.right, one.right)
    agreement = measures.share_of(one.best == other.best)
    return msgspec.structs.replace(one.score, agreement=agreement, loss=loss)


def scores_at(kind: Kind, logits: F32, temperature: float) -> F32:
    """Logits -> scores of the same shape."""
    z = (logits / temperature).astype(np.float32)
    return softmax(z) if kind == "softmax" else sigmoid(z)


def _right(truth: Truth, best: Indices) -> Flags:
    if truth.judge == "teacher":
        return np.asarray(best == truth.best)
    return np.asarray(truth.present[np.arange(len(best)), best])


def _calibrated(
    head: HeadSpec, kind: Kind, logits: F32, truth: Truth, half: Flags
) -> tuple[F32, Calibration]:
    """(n, T) scores at the best temperature that may honestly be used, and how good they are."""
    before = scores_at(kind, logits, 1.0)
    bins = _bins(head, before, truth)
    temperature, after = head.temperature, None
    if temperature is not None:
        after = scores_at(kind, logits, temperature)
    elif min(half.sum(), (~half).sum()) >= ENOUGH:
        temperature = _fitted(kind, logits, truth, np.ones_like(half))
        after = np.empty_like(before)
        for part in (half, ~half):
            after[part] = scores_at(kind, logits[part], _fitted(kind, logits, truth, ~part))
    if after is None:
        return before, Calibration(measures.ece(bins), bins, None, None, ())
    later = _bins(head, after, truth)
    return after, Calibration(measures.ece(bins), bins, temperature, measures.ece(later), later)


def _fitted(kind: Kind, logits: F32, truth: Truth, part: Flags) -> float:
    if kind == "softmax":
        return thresholds.softmax_temperature(logits[part], truth.best[part])
    return thresholds.sigmoid_temperature(logits[part], truth.wanted[part])


def _bins(head: HeadSpec, scores: F32, truth: Truth) -> tuple[Bin, ...]:
    best = scores[:, : len(head.tags)].argmax(1)
    each = np.arange(len(best))
    return measures.reliability(scores[each, best], truth.wanted[each, best])


def _given(head: HeadSpec, scores: F32, truth: Truth, half: Flags) -> Flags | None:
    """(n, T) tags that reach their thresholds; None where pictures are too few to fit one."""
    if head.thresholds is not None:
        return np.asarray(scores >= np.asarray(head.thresholds, np.float32))
    if min(half.sum(), (~half).sum()) < ENOUGH:
        return None
    given = np.empty(scores.shape, np.bool_)
    for part in (half, ~half):
        limits = thresholds.tag_thresholds(scores[~part], truth.wanted[~part], truth.sure)
        given[part] = scores[part] >= np.asarray(limits, np.float32)
    return given


def _group(head: HeadSpec, scores: F32, truth: Truth) -> Share | None:
    if not any(head.groups):
        return None
    group = groups_of(head.tags, head.groups)
    return measures.share_of(measures.best_group(scores, group) == group[truth.best])


def _by_tag(head: HeadSpec, truth: Truth, right: Flags, given: Flags | None) -> dict[str, Share]:
    """By label, in the order of the tags; a multilabel head is right where it gives the tag."""
    if truth.judge != "labels":
        return {}
    present = truth.present
    return {
        head.tags[t]: measures.share_of(
            right[present[:, t]] if given is None else given[present[:, t], t]
        )
        for t in np.flatnonzero(present.any(0))
    }


def _confused(head: HeadSpec, kind: Kind, truth: Truth, best: Indices) -> tuple[Confusion, ...]:
    if kind != "softmax" or truth.judge != "labels":
        return ()
    return measures.confusions(truth.best, best, head.tags)
