"""Float against int8, once: every held-out picture, every engine, every head."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timezone

import msgspec
import numpy as np

from quantize.int8.gate import Limits
from quantize.pictures import Sample, pictures_of
from quantize.pictures.folder import share_of
from quantize.report.answers import ROUNDS, Answers, Logits, ask, machine, times
from quantize.report.gallery import differences
from quantize.report.judge import Judged, against, judge
from quantize.report.models import HeadSpec, Model, Side, require_same_heads
from quantize.report.notes import gate_facts, head_facts, notes_of, versions
from quantize.report.opened import Opened, require_alike
from quantize.report.records import SCHEMA, Difference, Kind, Machine, Report, Row, Timing
from quantize.report.truth import Teacher, Truth, by_people, by_teacher
from quantize.report.verdicts import Pair, verdicts


class Comparison(msgspec.Struct, frozen=True, eq=False):
    """The report, and what `pack` fits temperatures and thresholds on."""

    report: Report
    pictures: list[Sample]  # those that could be read
    outputs: Logits  # of the int8 artifact of `report.engine`, rows in the order of `pictures`


class _Measured(msgspec.Struct, frozen=True, eq=False):
    """What came out of the engines; they are closed by now."""

    machine: Machine  # as it was before
    models: list[Model]
    kinds: dict[str, Kind]
    answers: Answers
    taken: list[Timing]


def compare(
    before: Side,
    after: Side,
    samples: Sequence[Sample],
    teacher: Teacher | None = None,
    rounds: int = ROUNDS,
    limits: Limits | None = None,
) -> Comparison:
    """before: float, after: int8. `samples`: the held-out pictures, with what people said of them.

    limits: of the gate; None: those that int8 was made with. Raises WorkshopError when the two are
    not of one student, or no picture can be read.
    """
    require_same_heads(before, after)
    measured = _measured(before, after, samples, rounds)
    heads, pictures = list(after.heads.values()), measured.answers.pictures
    taught = {h.name: by_teacher(h, teacher, pictures) for h in heads}
    truths = {h.name: _truth(h, measured, samples, taught[h.name]) for h in heads}
    rows = _rows(measured, [_judged(heads, measured, said, truths, taught)
                         for said in measured.answers.logits])  # fmt: skip
    pairs = _pairs(rows, measured.answers.logits)
    allowed = limits or after.limits
    report = Report(
        schema=SCHEMA,
        title=after.title,
        made=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        machine=measured.machine,
        versions=versions(),
        facts=before.facts | after.facts | gate_facts(allowed),
        engine=pairs[0].after.engine,
        heads={h.name: head_facts(h, measured.kinds[h.name], truths[h.name], len(pictures))
               for h in heads},
        rows=rows,
        verdicts=verdicts(pairs, heads, measured.kinds, truths, allowed),
        differences=_differences(heads, measured.kinds, samples, pictures, pairs[0]),
        left_out=tuple(measured.answers.left_out),
        notes=notes_of(heads, truths, samples, measured.answers.left_out, measured.machine, rows),
    )  # fmt: skip
    outputs = {name: z for name, z in pairs[0].rough.items() if name in report.heads}
    return Comparison(report, pictures, outputs)


def _measured(before: Side, after: Side, samples: Sequence[Sample], rounds: int) -> _Measured:
    here = machine()
    with ExitStack() as stack:
        opened = []
        for side, model in _models(before, after):
            one = Opened(model, list(side.heads.values()))
            stack.enter_context(closing(one.engine))
            opened.append(one)
        kinds = require_alike(opened)
        answers = ask(opened, pictures_of(samples), opened[0].spec)
        taken = times(opened, answers.example, rounds)
    return _Measured(here, [one.model for one in opened], kinds, answers, taken)


def _models(before: Side, after: Side) -> list[tuple[Side, Model]]:
    """Float first; only engines that both sides have."""
    mine = {model.engine for model in after.models}
    floats = [(before, model) for model in before.models if model.engine in mine]
    return floats + [(after, model) for model in after.models]


def _truth(
    head: HeadSpec, measured: _Measured, samples: Sequence[Sample], taught: Truth | None
) -> Truth | None:
    people = by_people(head, measured.kinds[head.name], samples, measured.answers.pictures)
    return taught if people is None else people


def _judged(
    heads: Sequence[HeadSpec],
    measured: _Measured,
    said: Logits,
    truths: dict[str, Truth | None],
    taught: dict[str, Truth | None],
) -> dict[str, Judged]:
    half = np.array([share_of(picture.key) < 0.5 for picture in measured.answers.pictures])
    return {
        h.name: judge(h, measured.kinds[h.name], said[h.name], truths[h.name], taught[h.name], half)
        for h in heads
    }


def _rows(measured: _Measured, judged: Sequence[dict[str, Judged]]) -> tuple[Row, ...]:
    floats = {
        m.engine: found for m, found in zip(measured.models, judged) if m.precision == "float"
    }
    rows = []
    for model, ms, found in zip(measured.models, measured.taken, judged):
        if model.precision == "float":
            scores = {head: one.score for head, one in found.items()}
        else:
            other = floats[model.engine]
            scores = {head: against(one, other[head]) for head, one in found.items()}
        row = Row(model.engine, model.precision, model.size_bytes, ms, scores, model.sha256)
        rows.append(row)
    return tuple(rows)


def _pairs(rows: Sequence[Row], logits: Sequence[Logits]) -> list[Pair]:
    """An engine each, in the order of the rows."""
    found = {(row.engine, row.precision): (row, said) for row, said in zip(rows, logits)}
    return [
        Pair(found[row.engine, "float"][0], row, found[row.engine, "float"][1], said)
        for row, said in found.values()
        if row.precision == "int8"
    ]


def _differences(
    heads: Sequence[HeadSpec],
    kinds: dict[str, Kind],
    samples: Sequence[Sample],
    pictures: Sequence[Sample],
    pair: Pair,
) -> tuple[Difference, ...]:
    """At the temperatures fitted to int8, or the bundle's; 1 where there is none."""
    found = {name: score.calibration for name, score in pair.after.heads.items()}
    fitted = {name: c.temperature for name, c in found.items() if c and c.temperature}
    return differences(heads, kinds, fitted, samples, pictures, pair.exact, pair.rough)
