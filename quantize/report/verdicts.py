"""The gate of int8/gate.py, asked about held-out pictures: a line a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from quantize.int8 import gate
from quantize.int8.gate import Cost, Limits
from quantize.report.answers import Logits
from quantize.report.measures import Indices
from quantize.report.models import HeadSpec
from quantize.report.records import Kind, Row
from quantize.report.truth import Truth


class Pair(msgspec.Struct, frozen=True, eq=False):
    """Both artifacts of an engine: what was measured, and what they answered."""

    before: Row  # float
    after: Row  # int8
    exact: Logits
    rough: Logits


def verdicts(
    pairs: Sequence[Pair],
    heads: Sequence[HeadSpec],
    kinds: Mapping[str, Kind],
    truths: Mapping[str, Truth | None],
    limits: Limits,
) -> tuple[gate.Row, ...]:
    """Softmax heads by the gate's own rules; thresholded tags by the F1 of the report."""
    found: list[gate.Row] = []
    for pair in pairs:
        for head in heads:
            found += _head(pair, head, kinds[head.name], truths[head.name], limits)
        costs = tuple(Cost(row.size_bytes, row.ms.median) for row in (pair.before, pair.after))
        exact, rough = ({n: z for n, z in side.items() if n == gate.EMBEDDING}
                        for side in (pair.exact, pair.rough))  # fmt: skip
        found += gate.judge(pair.after.engine, exact, rough, {}, (costs[0], costs[1]), limits).rows
    return tuple(found)


def _head(
    pair: Pair, head: HeadSpec, kind: Kind, truth: Truth | None, limits: Limits
) -> Sequence[gate.Row]:
    before, after = pair.before.heads[head.name].f1, pair.after.heads[head.name].f1
    if truth is not None and before is not None and after is not None:
        loss = round(before - after, 4)
        return [gate.Row(pair.after.engine, head.name, "F1", len(truth.rows), before, after, loss,
                         limits.f1, loss <= limits.f1)]  # fmt: skip
    count = len(head.tags)
    rows = slice(None) if truth is None else truth.rows
    exact, rough = (side[head.name][rows][:, :count] for side in (pair.exact, pair.rough))
    asked = {head.name: gate.Truth(kind, _labels(kind, truth, limits))}
    return gate.judge(
        pair.after.engine, {head.name: exact}, {head.name: rough}, asked, None, limits
    ).rows


def _labels(kind: Kind, truth: Truth | None, limits: Limits) -> Indices | None:
    """Where one picture is more than the limit, float's own belief is the finer judge."""
    if kind == "multilabel" or truth is None or len(truth.rows) * limits.points < 100:
        return None
    return truth.best
