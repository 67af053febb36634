"""Numbers as a reader wants them, and the four that say most."""

from __future__ import annotations

from datetime import datetime

from quantize.report.records import HeadScore, Loss, Report, Share

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"


def percent(share: Share | None) -> str:
    return NONE if share is None else f"{100 * share.value:.1f} %"


def points(value: float) -> str:
    """0..1 -> points with a sign; a real minus."""
    said = f"{100 * value:+.1f}"
    return "0.0" if said in ("+0.0", "-0.0") else said.replace("-", MINUS)


def interval(loss: Loss) -> str:
    return f"{points(loss.low)} to {points(loss.high)}"


def figure(number: float) -> str:
    """Four digits, however large or small; a real minus."""
    return f"{number:.4g}".replace("-", MINUS)


def pair_of(report: Report) -> tuple[dict[str, HeadScore], dict[str, HeadScore]]:
    """Scores by head of float and int8 on the engine that the plots are about."""
    return report.row(report.engine, "float").heads, report.row(report.engine, "int8").heads


def when(made: str) -> str:
    """RFC 3339 -> 7 March 2026, 14:05 UTC."""
    time = datetime.fromisoformat(made)
    return f"{time.day} {time:%B %Y, %H:%M} {time.tzname()}"


def largest_loss(report: Report) -> tuple[str, str] | None:
    """The head and engine where int8 loses most."""
    found = [
        (score.loss.value, head, row.engine)
        for row in report.rows
        for head, score in row.heads.items()
        if score.loss is not None
    ]
    if not found:
        return None
    value, head, engine = max(found)
    if value <= 0:
        return "0.0", "points lost: int8 is nowhere worse than float"
    return f"{100 * value:.1f}", f"points lost at most: {head}, {engine}"


def least_agreement(report: Report) -> tuple[str, str]:
    """The head and engine where int8 answers otherwise most often."""
    found = [
        (score.agreement.value, head, row.engine)
        for row in report.rows
        for head, score in row.heads.items()
        if score.agreement is not None
    ]
    value, head, engine = min(found)
    return f"{100 * value:.1f} %", f"agree with float at least: {head}, {engine}"


def largest_file(report: Report) -> tuple[str, str]:
    """The largest int8 artifact: what a device must have room for."""
    row = max((r for r in report.rows if r.precision == "int8"), key=lambda r: r.size_bytes)
    share = 100 * row.size_bytes / report.row(row.engine, "float").size_bytes
    return f"{row.size_bytes / 1e6:.1f} MB", f"int8 at most: {row.engine}, {share:.0f} % of float"


def quickest(report: Report) -> tuple[str, str]:
    """The engine on which int8 takes least time."""
    row = min((r for r in report.rows if r.precision == "int8"), key=lambda r: r.ms.median)
    times = report.row(row.engine, "float").ms.median / row.ms.median
    return (
        f"{row.ms.median:.1f} ms",
        f"a picture on {row.engine}, {times:.1f} times as fast as float",
    )
