"""`report.html`: what a comparison found, in sections."""

from __future__ import annotations

from collections.abc import Sequence

from edge.markup.document import document
from quantize.report import figures, sections, tables
from quantize.report.records import Report


def page(report: Report, shown: Sequence[str]) -> str:
    """`shown`: a data URI for each of report.differences, "" where there is none."""
    title = f"{report.title}: float against int8"
    return document(
        title,
        (
            sections.header(report, title),
            sections.headline(report),
            sections.notes(report),
            tables.verdicts(report),
            sections.accuracy(report),
            tables.losses(report),
            sections.cost(report),
            sections.by_tag(report),
            sections.calibration(report),
            tables.confusions(report),
            figures.pictures(report, shown),
            sections.left_out(report),
            sections.recipe(report),
        ),
    )
