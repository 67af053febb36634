"""`report.html`: boards, engines and precisions beside one another, from all lines there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from edge.bench import plots
from edge.bench.line import STAGES, Line
from edge.markup.document import document
from edge.markup.html import card, cell, grid, key, row, section, table, wide
from edge.spelling import counted

STYLE = Path(__file__).with_name("report.css")
TITLE = "edge-tag bench: boards, engines, precisions"
COLUMNS = (
    ("board", "word"), ("engine", "word"), ("", "word"), ("p50 ms", ""), ("p90 ms", ""),
    ("p99 ms", ""), ("least ms", ""), ("CPU ms", ""), ("frame ms", ""), ("of roofline", ""),
    ("mJ a launch", ""), ("golden", ""),
    ("top-1", ""), ("load", ""), ("others", ""), ("date", ""),
)  # fmt: skip


def page(lines: Sequence[Line]) -> str:
    """One result of each kind: the latest VALID one, or where none is, the latest."""
    shown = chosen(lines)
    return document(
        TITLE,
        (
            _header(lines, shown),
            _headline(shown),
            _launches(shown),
            _frames(shown),
            _batches(shown),
            _table(shown),
            _reasons(shown),
        ),
        STYLE.read_text("utf-8"),
    )


def chosen(lines: Iterable[Line]) -> list[Line]:
    """Boards in the order of their quickest result, measured ones first; quickest first in each."""
    best: dict[tuple[object, ...], Line] = {}
    for found in lines:
        kind = (found.label, found.board, found.engine, found.provider, found.precision,
                found.threads, found.bundle)  # fmt: skip
        before = best.get(kind)
        if before is None or found.verdict == "VALID" or before.verdict == "INVALID":
            best[kind] = found
    quickest: dict[str, float] = {}
    for found in best.values():
        quickest[found.board] = min(quickest.get(found.board, _ms(found)), _ms(found))
    return sorted(
        best.values(),
        key=lambda f: (f.label == "predicted", quickest[f.board], f.board, _ms(f)),
    )


def _ms(found: Line) -> float:
    return found.engine_ms.p50 if found.engine_ms else float("inf")


def _header(lines: Sequence[Line], shown: Sequence[Line]) -> str:
    invalid = sum(found.verdict == "INVALID" for found in shown)
    measured = sum(found.label == "measured" for found in shown)
    pill = ""
    if invalid:
        words = f"{invalid} of {measured} measured results are INVALID, drawn pale; below is why"
        pill = f'<p class="pill bad">{escape(words)}</p>\n'
    runs = counted(len(lines), "run")
    about = f"{runs}; the latest VALID one of each kind, or the latest where none is"
    return f'<header>\n{pill}<h1>{TITLE}</h1>\n<p class="under">{escape(about)}</p>\n</header>'


def _headline(shown: Sequence[Line]) -> str:
    """How many of what, and the quickest of those to be trusted."""
    measured = [found for found in shown if found.label == "measured"]
    valid = [found for found in measured if found.verdict == "VALID"]
    quickest = min(valid, key=_ms, default=None)
    facts = [
        (str(len({f.board for f in measured})), "boards measured"),
        (str(len({f.board for f in shown} - {f.board for f in measured})), "boards predicted only"),
        (f"{len(valid)} of {len(measured)}", "measured results are VALID"),
    ]
    if quickest is not None and quickest.engine_ms:
        words = f"quickest launch: {plots.name(quickest)}, {quickest.board}"
        facts.insert(0, (f"{quickest.engine_ms.p50:.2f} ms", words))
    cards = "\n".join(
        f'<div class="card fact"><b>{escape(number)}</b><span>{escape(words)}</span></div>'
        for number, words in facts
    )
    return f'<div class="grid facts">\n{cards}\n</div>'


def _boards(lines: Iterable[Line]) -> dict[tuple[str, str], list[Line]]:
    """(label, board) -> its results."""
    found: dict[tuple[str, str], list[Line]] = {}
    for one in lines:
        found.setdefault((one.label, one.board), []).append(one)
    return found


def _cards(drawn: Iterable[tuple[tuple[str, str], str]]) -> str:
    return grid([card(board, label, plot) for (label, board), plot in drawn], "wider")


def _launches(shown: Sequence[Line]) -> str:
    timed = [found for found in shown if found.engine_ms is not None]
    if not timed:
        return ""
    top = plots.top_of(timed)
    drawn = ((at, plots.launches(own, top)) for at, own in _boards(timed).items())
    under = (
        "Milliseconds inside the engine for one picture: median, whiskers from the quickest to "
        "p90; one axis for all boards. ~ is predicted, * is INVALID."
    )
    engines = [(e, e) for e in plots.ENGINES if any(found.engine == e for found in timed)]
    more = [(kind, kind) for kind in ("predicted", "invalid")
            if any(kind in plots.kinds(found).split() for found in timed)]  # fmt: skip
    return section("A launch", under, key(*engines, *more) + _cards(drawn))


def _frames(shown: Sequence[Line]) -> str:
    staged = [found for found in shown if found.frame is not None]
    if not staged:
        return ""
    drawn = ((at, plots.stages(own)) for at, own in _boards(staged).items())
    under = (
        "Milliseconds of a frame, one stage after the other: glance, plan and at most twelve "
        "closer looks. In use the next crop is cut while the engine runs."
    )
    return section("A frame", under, key(*((s, s) for s in STAGES)) + _cards(drawn))


def _batches(shown: Sequence[Line]) -> str:
    curved = [found for found in shown if len(found.batch_ms) > 1]
    if not curved:
        return ""
    drawn = ((at, plots.curves(own)) for at, own in _boards(curved).items())
    under = (
        "Milliseconds a picture, by how many a launch takes; dashed: float. An artifact that takes "
        "one picture at a time has no curve."
    )
    engines = [(e, e) for e in plots.ENGINES if any(found.engine == e for found in curved)]
    return section("Batches", under, key(*engines) + _cards(drawn))


def _table(shown: Sequence[Line]) -> str:
    rows = [_row(found) for found in shown]
    under = (
        "CPU ms: of all threads together, for a launch. "
        "golden: how far any score of the golden pictures lies from what it was when packed. "
        "top-1: mean over the heads, on the evaluation set, from the manifest. "
        "others: share of our cores that others took."
    )
    return section("All of them", under, wide(table(COLUMNS, rows)))


def _row(found: Line) -> str:
    ms = found.engine_ms
    top1 = [*found.top1.values()]
    state = found.label if found.label == "predicted" else found.verdict
    return row(
        cell(found.board, "word"),
        cell(plots.name(found), "word"),
        cell(state, f"word {_colour(state)}"),
        *(cell(_number(ms, key)) for key in ("p50", "p90", "p99", "least")),
        cell(_number(found, "cpu_ms")),
        cell("" if found.frame is None else _number(found.frame.ms, "p50", 1)),
        cell("" if found.roof is None else f"{found.roof.share:.1%}"),
        cell("" if found.energy is None else f"{1e3 * found.energy.joules_per_launch:.1f}"),
        cell(_number(found.golden, "largest_difference", 3)),
        cell(f"{100 * sum(top1) / len(top1):.1f} %" if top1 else ""),
        cell(_number(found.machine, "load", 1)),
        cell("" if found.others is None else f"{found.others:.0%}"),
        cell(found.time[:10]),
    )


def _colour(state: str) -> str:
    return {"VALID": "good", "INVALID": "bad"}.get(state, "predicted")


def _number(record: object, key: str, places: int = 2) -> str:
    """Of a record that may be missing, as its number may."""
    value: float | None = getattr(record, key, None)
    return "" if value is None else f"{value:.{places}f}"


def _reasons(shown: Sequence[Line]) -> str:
    """Why some are INVALID, and what predictions rest on."""
    said = [(f, "; ".join(f.reasons)) for f in shown if f.reasons]
    said += [(f, f.basis) for f in shown if f.basis]
    if not said:
        return ""
    told = (f"{found.board}, {plots.name(found)}: {words}" for found, words in said)
    lines = "".join(f"<li>{escape(words)}</li>" for words in told)
    title = "Why INVALID, and what predictions rest on"
    return section(title, "", f'<ul class="notes">{lines}</ul>')
