"""The section of the page that shows pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import PurePath

from edge.markup.html import section
from quantize.report.records import Answer, Difference, Report


def pictures(report: Report, shown: Sequence[str]) -> str:
    """`shown`: a data URI for each of report.differences, "" where there is none."""
    figures = "\n".join(_figure(found, uri) for found, uri in zip(report.differences, shown))
    if not figures:
        return ""
    under = (
        f"The {len(report.differences)} pictures that float and int8 score most differently, "
        f"largest difference first, on {report.engine}."
    )
    return section("Where they differ most", under, f'<div class="pictures">\n{figures}\n</div>')


def _figure(found: Difference, uri: str) -> str:
    name = PurePath(found.file).name
    drawn = '<span class="gone">not readable any more</span>'
    if uri:
        drawn = f'<img src="{escape(uri)}" alt="{escape(found.label or name)}" loading="lazy">'
    where = f"{found.file} {found.box}" if found.box else found.file
    return (
        f'<figure class="card">{drawn}<figcaption>'
        f'<span class="label">{escape(found.label or "no label")}</span>'
        f"{_answer('float', found.float_answer, found.label)}"
        f"{_answer('int8', found.int8_answer, found.label)}"
        f'<span class="file" title="{escape(where)}">{escape(found.head)} · {escape(name)}</span>'
        "</figcaption></figure>"
    )


def _answer(side: str, answer: Answer, label: str) -> str:
    kind = "" if not label else "good" if answer.tag in label.split(", ") else "bad"
    return (
        f'<span class="answer"><span>{side}</span><span class="{kind}">{escape(answer.tag)}</span>'
        f"<span>{100 * answer.score:.0f} %</span></span>"
    )
