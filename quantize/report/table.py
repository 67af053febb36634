"""The report as Markdown: for the terminal and for the README."""

from __future__ import annotations

from quantize.int8 import tables
from quantize.int8.gate import EMBEDDING
from quantize.report.records import HeadScore, Report, Row


def table(report: Report) -> str:
    """A row an artifact: accuracy by head, of groups where there are any, of the embedding how
    far it is off where that was asked, size, milliseconds.
    """
    columns = [(head, is_group) for head, facts in report.heads.items()
               for is_group in ((False, True) if facts.groups else (False,))]  # fmt: skip
    names = [f"{head} groups" if is_group else head for head, is_group in columns]
    off = {v.engine: f"{v.loss:.1f}" for v in report.verdicts if v.head == EMBEDDING}
    names += ["embedding off %"] if off else []
    names = ["engine", "precision", *names, "MB", "ms a picture (p10 to p90)"]
    lines = [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
    ]
    for row in report.rows:
        shares = [_percent(row.heads[head], is_group) for head, is_group in columns]
        if off:
            shares.append(off.get(row.engine, "-") if row.precision == "int8" else "-")
        cells = [row.engine, row.precision, *shares, f"{row.size_bytes / 1e6:.2f}", _ms(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"One thread on {report.machine}."])


def _percent(score: HeadScore, is_group: bool) -> str:
    share = score.group if is_group else score.top1
    return "-" if share is None else f"{100 * share.value:.1f}"


def _ms(row: Row) -> str:
    return f"{row.ms.median:.2f} ({row.ms.p10:.2f} to {row.ms.p90:.2f})"


def verdict_table(report: Report) -> str:
    """What the gate refused, a line each, or that all passed; "" where it was not asked."""
    if not report.verdicts:
        return ""
    failed = [line for line in report.verdicts if not line.passed]
    if not failed:
        return f"gate: all {len(report.verdicts)} lines passed"
    said = f"gate: {len(failed)} of {len(report.verdicts)} lines refused"
    return f"{said}\n{tables.table(failed)}"
