"""May this int8 ship? Pure functions from outputs and costs to a verdict, row by row.

A softmax head loses points of top-1; a multilabel head loses F1 of its thresholded tags. Labels
decide where they are given; else the float student's own belief does. Whatever the labels say, the
answers that float is surest of must stay, and int8 must not be slower. Nor may the embedding be
another one: galleries, attributes and further vocabularies rest on it, and no head tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.processor import lacks_vnni
from edge.records import F32
from quantize.errors import WorkshopError
from quantize.int8.score import Kind, distance, f1, off, sure, thresholds

EMBEDDING = "embedding"  # the output that is no head
TIME = "ms"  # the one measure that is not of the answers
UNSAID = -1  # the label of a picture that nobody labelled for this head


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
    # softmax: (N,) index of the right logit, or UNSAID. multilabel: (N, T) True where present.
    labels: NDArray[Any] | None = None
    thresholds: F32 | None = None  # multilabel: (T,) or (1,) logits above which a tag is given


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
    if truth.labels is None or not (truth.labels != UNSAID).any():
        loss = round(distance("softmax", exact, rough).loss, 3)
        ok = loss <= limits.points
        return Row(engine, head, "belief %", len(exact), 100.0, 100.0 - loss, loss, limits.points,
                   ok)  # fmt: skip
    asked = truth.labels != UNSAID
    before, after = (z[asked].argmax(1) == truth.labels[asked] for z in (exact, rough))
    loss = round(_share(before) - _share(after), 3)
    limit = max(limits.points, 100.0 * limits.spare / int(asked.sum()))
    return Row(engine, head, "top-1 %", int(asked.sum()), _share(before), _share(after), loss,
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


def table(rows: Iterable[Row]) -> str:
    """Rows as aligned text; what fails is marked NO."""
    heading = ("engine", "head", "measure", "pictures", "float", "int8", "loss", "limit", "ok")
    return aligned([heading, *map(_cells, rows)])


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (row.before, row.after, row.loss, row.limit)
    return (row.engine, row.head or "-", row.measure, str(row.count or "-"),
            *(f"{number:.4g}" for number in numbers), "yes" if row.passed else "NO")  # fmt: skip


def aligned(lines: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as they must be; the first line is the heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines)


MEND = "more or other calibration pictures, --qat STEPS, or leave the engine out with --engines"


NO_VNNI = (
    "this processor has no VNNI, without which int8 may be slower than float: on a host that has "
    "it, or with --gate-slowdown 2"
)


def mend(failures: Iterable[Row], fix: str) -> str:
    """The fix, and what to do where time alone says no for want of an instruction."""
    measures = {row.measure for row in failures}
    if TIME not in measures or not lacks_vnni():
        return fix
    return NO_VNNI if measures == {TIME} else f"{fix}; {NO_VNNI}"


def refuse(verdict: Verdict, where: object, fix: str = MEND) -> None:
    """Raises WorkshopError with the table of what fails, when something does."""
    if verdict.passed:
        return
    failures = verdict.failures
    heads = sorted({f"{row.engine}/{row.head or 'file'}" for row in failures})
    raise WorkshopError(
        where,
        f"int8 fails the gate in {len(failures)} of {len(verdict.rows)} rows "
        f"({', '.join(heads)}):\n{table(failures)}\n",
        "no row over its limit",
        mend(failures, fix),
    )
