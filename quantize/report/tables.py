"""The sections of the page that are tables, "" where there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from edge.markup.html import card, cell, grid, row, section, table, unfold, wide
from quantize.int8 import gate
from quantize.report.numbers import NONE, figure, interval, pair_of, percent, points
from quantize.report.records import Confusion, HeadScore, Loss, Report

WORD = "word"


def verdicts(report: Report) -> str:
    """What the gate refused, a line each; what passed unfolds."""
    if not report.verdicts:
        return ""
    failed = [line for line in report.verdicts if not line.passed]
    passed = [line for line in report.verdicts if line.passed]
    content = wide(_verdict_table(failed)) if failed else ""
    if passed:
        content += unfold(f"{len(passed)} lines passed", wide(_verdict_table(passed)))
    under = (
        "One line that does not pass, and no bundle is packed. Belief: where labels are few, what "
        "float's own scores expect int8 to lose."
    )
    return section("The gate", under, content)


def _verdict_table(lines: Sequence[gate.Row]) -> str:
    words = [(name, WORD) for name in ("head", "engine", "measure")]
    numbers = [(name, "") for name in ("pictures", "float", "int8", "loss", "limit")]
    return table([*words, *numbers, ("", WORD)], [_verdict(line) for line in lines])


def _verdict(line: gate.Row) -> str:
    numbers = (line.before, line.after, line.loss, line.limit)
    said, kind = ("passed", "good") if line.passed else ("refused", "bad")
    return row(
        *(cell(name, WORD) for name in (line.head or "all", line.engine, line.measure)),
        cell(f"{line.count:,}" if line.count else NONE),
        *(cell(figure(number)) for number in numbers),
        cell(said, f"{WORD} {kind}"),
    )


def losses(report: Report) -> str:
    """Every head on every engine, float beside int8."""
    scores = [score for found in report.rows for score in found.heads.values()]
    has_f1, has_teacher = any(s.f1 is not None for s in scores), any(s.teacher for s in scores)
    columns = [("head", WORD), ("engine", WORD), ("float", ""), ("int8", "")]
    columns += [("points lost, 95 %", ""), ("agreement", "")]
    columns += [("F1 float", ""), ("F1 int8", "")] if has_f1 else []
    columns += [("as the teacher", "")] if has_teacher else []
    rows = [
        _loss_row(head, engine, report, has_f1=has_f1, has_teacher=has_teacher)
        for head in report.heads
        for engine in report.engines()
    ]
    under = (
        "Points lost: on the same pictures, so the interval is narrower than those of the shares. "
        "Agreement: how often int8 gives float's best tag."
    )
    under += " F1: of all tags that reach their thresholds." if has_f1 else ""
    under += " As the teacher: how often int8's best tag is the teacher's." if has_teacher else ""
    return section("Float against int8", under, wide(table(columns, rows)))


def _loss_row(head: str, engine: str, report: Report, *, has_f1: bool, has_teacher: bool) -> str:
    before, after = (report.row(engine, side).heads[head] for side in ("float", "int8"))
    cells = [cell(head, WORD), cell(engine, WORD)]
    cells += [cell(percent(side.top1)) for side in (before, after)]
    cells += [_loss(after.loss), cell(percent(after.agreement))]
    cells += [_f1(side) for side in (before, after)] if has_f1 else []
    cells += [cell(percent(after.teacher))] if has_teacher else []
    return row(*cells)


def _loss(loss: Loss | None) -> str:
    if loss is None:
        return cell(NONE)
    is_certain = loss.low > 0  # its whole interval is a loss
    return cell(f"{points(loss.value)} ({interval(loss)})", "bad" if is_certain else "")


def _f1(score: HeadScore) -> str:
    return cell(NONE if score.f1 is None else f"{score.f1:.3f}")


def confusions(report: Report) -> str:
    """The pairs that int8 confuses most, and how often float does."""
    before, after = pair_of(report)
    cards = []
    for head, score in after.items():
        if not score.confused:
            continue
        known = {(c.label, c.tag): str(c.count) for c in before[head].confused}
        rows = [_confusion(c, known.get((c.label, c.tag), NONE)) for c in score.confused]
        columns = [("label", WORD), ("given as", WORD), ("int8", ""), ("float", "")]
        cards.append(card(head, "most frequent first", table(columns, rows)))
    under = f"On {report.engine}. A dash: not among float's ten most frequent."
    return section("What is taken for what", under, grid(cards)) if cards else ""


def _confusion(found: Confusion, by_float: str) -> str:
    names = (cell(found.label, "word long"), cell(found.tag, "word long"))
    return row(*names, cell(f"{found.count} of {found.of}"), cell(by_float))
