"""Tries and verdicts as text: rows in columns, what fails, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.engines.processor import lacks_vnni
from quantize.errors import WorkshopError
from quantize.int8.bench import Attempt
from quantize.int8.gate import TIME, Row, Verdict
from quantize.int8.record import Record

MEND = "more or other calibration pictures, --qat STEPS, or leave the engine out with --engines"
NO_VNNI = (
    "this processor has no VNNI, without which int8 may be slower than float: on a host that has "
    "it, or with --gate-slowdown 2"
)


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
    heads = sorted({f"{row.engine}/{row.head or row.measure}" for row in failures})
    raise WorkshopError(
        where,
        f"int8 fails the gate in {len(failures)} of {len(verdict.rows)} rows "
        f"({', '.join(heads)}):\n{table(failures)}\n",
        "no row over its limit",
        mend(failures, fix),
    )


def summary(out: Path, made: Record) -> str:
    """Every try of a folder, what was kept of them, and the gate's rows."""
    lines: list[tuple[str, ...]] = [
        ("", "engine", "method", "layers in float", "dB", "points", "ms", "MB", "seconds")
    ]
    kept = [k.tried for k in made.kept.values()]
    lines += [_line(tried, tried in kept) for tried in made.tried]
    said = [aligned(lines), "", table(made.verdict.rows), ""]
    said += [f"{engine} skipped: {reason}" for engine, reason in made.skipped.items()]
    return "\n".join([*said, str(out)]) + "\n"


def _line(tried: Attempt, is_kept: bool) -> tuple[str, ...]:
    """dB: signal to noise of the worst head. points: what the float expects it to lose."""
    method = tried.method + (" after fine-tuning" if tried.tuned else "")
    if tried.error or tried.cost is None:
        count = str(len(tried.kept_in_float))
        return ("", tried.engine, method, count, tried.error, "", "", "", "")
    return (
        "kept" if is_kept else "", tried.engine, method, str(len(tried.kept_in_float)),
        f"{tried.worst_db:.1f}", f"{max(d.loss for d in tried.heads.values()):.2f}",
        f"{tried.cost.ms:.2f}", f"{tried.cost.size_bytes / 1e6:.2f}", f"{tried.seconds:.1f}",
    )  # fmt: skip
