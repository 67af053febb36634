"""May this int8 ship? Pure functions from outputs and costs to a verdict, row by row.

A softmax head loses points of top-1; a multilabel head loses F1 of its thresholded tags. Labels
decide where they are given; else the float student's own belief does. Whatever the labels say, the
answers that float is surest of must stay, and int8 must not be slower. Nor may the embedding be
another one: galleries, attributes and further vocabularies rest on it, and no head tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.records import F32
from quantize.int8.score import Kind, distance, f1, off, sure, thresholds

EMBEDDING = "embedding"  # the output that is no head
TIME = "ms"  # the one measure that is not of the answers


class Limits(msgspec.Struct, frozen=True):
    """What int8 may cost."""

    points: float = 0.5  # of top-1, a softmax head
    f1: float = 0.005  # of thresholded tags, a multilabel head
    sure: float = 5.0  # points of the same answer where float leads by most
    # Per cent of their length by which embeddings may be off. What ships is off by 5, by up to 19
    # where products of bytes overflow (no VNNI, no exact sums); 25 is a cosine of 0.97.
    embedding: float = 25.0
    slowdown: float = 1.0  # int8 milliseconds / float milliseconds
    spare: int = 0  # pictures a head may lose whatever share they are: for small test sets


class Truth(msgspec.Struct, frozen=True, eq=False):
    """What is known about a head's right answers on N pictures."""

    kind: Kind = "softmax"
    # softmax: (n,) index of the right logit. multilabel: (N, T) True where present.
    labels: NDArray[Any] | None = None
    thresholds: F32 | None = None  # multilabel: (T,) or (1,) logits above which a tag is given
    # softmax: (n,) which picture each label is about, as often as it has one; None: one each
    rows: NDArray[Any] | None = None


class Cost(msgspec.Struct, frozen=True):
    """Of one artifact."""

    size_bytes: int
    ms: float  # median of one picture


class Row(msgspec.Struct, frozen=True):
    """One question, and how int8 did."""

    engine: str
    head: str  # "" for the file itself
    # "top-1 %", "belief %", "same where sure %", "F1", "belief F1", "average precision", "off %" or
    # "ms"
    measure: str
    count: int  # pictures it was asked on
    before: float  # in float
    after: float  # in int8
    loss: float  # in the measure; of ms, int8 / float
    limit: float
    passed: bool


class Verdict(msgspec.Struct, frozen=True):
    """Every row of every engine."""

    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.passed)


def judge(
    engine: str,
    exact: Mapping[str, F32],
    rough: Mapping[str, F32],
    truths: Mapping[str, Truth],
    costs: tuple[Cost, Cost] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Verdict:
    """exact, rough: head -> (N, T) logits of the float and the int8 artifact on the same pictures;
    without the logit of "none" where that is no answer. EMBEDDING -> (N, D), where it is asked for.

    truths: every head that counts. costs: of float and of int8. Raises ValueError when the outputs
    do not belong together.
    """
    rows: list[Row] = []
    asked = [*truths, *({EMBEDDING} & set(exact))]
    for name in asked:
        if exact[name].shape != rough[name].shape:
            raise ValueError(
                f"{name} is {rough[name].shape} in int8, expected {exact[name].shape} as in float"
            )
    for head, truth in truths.items():
        rows += _head(engine, head, exact[head], rough[head], truth, limits)
    if EMBEDDING in asked:
        rows.append(_embedding(engine, exact[EMBEDDING], rough[EMBEDDING], limits))
    if costs is not None:
        rows.append(time_row(engine, *costs, limits))
    return Verdict(tuple(rows))


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict of many."""
    return Verdict(tuple(row for verdict in verdicts for row in verdict.rows))


def _head(
    engine: str, head: str, exact: F32, rough: F32, truth: Truth, limits: Limits
) -> list[Row]:
    if not np.isfinite(rough).all():
        return [_not_finite(engine, head, rough)]
    if truth.kind == "multilabel":
        return [_tags(engine, head, exact, rough, truth, limits)]
    return [_top1(engine, head, exact, rough, truth, limits),
            _sure(engine, head, exact, rough, limits)]  # fmt: skip


def _not_finite(engine: str, name: str, rough: F32) -> Row:
    share = _share(np.asarray(np.isfinite(rough).all(1)))
    return Row(engine, name, "finite %", len(rough), 100.0, share, 100.0, 0.0, False)


def _embedding(engine: str, exact: F32, rough: F32, limits: Limits) -> Row:
    if not np.isfinite(rough).all():
        return _not_finite(engine, EMBEDDING, rough)
    loss = round(100 * off(exact, rough), 3)
    return Row(engine, EMBEDDING, "off %", len(exact), 0.0, loss, loss, limits.embedding,
               loss <= limits.embedding)  # fmt: skip


def _top1(engine: str, head: str, exact: F32, rough: F32, truth: Truth, limits: Limits) -> Row:
    if truth.labels is None or not len(truth.labels):
        loss = round(distance("softmax", exact, rough).loss, 3)
        ok = loss <= limits.points
        return Row(engine, head, "belief %", len(exact), 100.0, 100.0 - loss, loss, limits.points,
                   ok)  # fmt: skip
    rows, count = slice(None) if truth.rows is None else truth.rows, len(truth.labels)
    before, after = (z[rows].argmax(1) == truth.labels for z in (exact, rough))
    loss = round(_share(before) - _share(after), 3)
    limit = max(limits.points, 100.0 * limits.spare / count)
    return Row(engine, head, "top-1 %", count, _share(before), _share(after), loss,
               round(limit, 3), loss <= limit)  # fmt: skip


def _sure(engine: str, head: str, exact: F32, rough: F32, limits: Limits) -> Row:
    certain = sure(exact)
    share = _share(exact[certain].argmax(1) == rough[certain].argmax(1))
    loss = round(100.0 - share, 3)
    return Row(engine, head, "same where sure %", int(certain.sum()), 100.0, share, loss,
               limits.sure, loss <= limits.sure)  # fmt: skip


def _tags(engine: str, head: str, exact: F32, rough: F32, truth: Truth, limits: Limits) -> Row:
    cut = thresholds(exact) if truth.thresholds is None else truth.thresholds
    if truth.labels is None:
        loss = round(distance("multilabel", exact, rough, cut).loss / 100, 5)
        before, after, measure = 1.0, 1.0 - loss, "belief F1"
    else:
        before, after = (round(f1(z > cut, truth.labels), 5) for z in (exact, rough))
        loss, measure = round(before - after, 5), "F1"
    return Row(engine, head, measure, len(exact), before, after, loss, limits.f1,
               loss <= limits.f1)  # fmt: skip


def time_row(engine: str, exact: Cost, rough: Cost, limits: Limits) -> Row:
    """Is int8 as fast as float?"""
    ratio = round(rough.ms / exact.ms, 3)
    return Row(engine, "", TIME, 0, exact.ms, rough.ms, ratio, limits.slowdown,
               ratio <= limits.slowdown)  # fmt: skip


def _share(right: NDArray[np.bool_]) -> float:
    return round(100.0 * float(right.mean()), 3)
