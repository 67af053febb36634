"""`report.html`: one file, no script, nothing from the network; fits a phone, and the dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from quantize.report import figures, sections, tables
from quantize.report.records import Report

STYLE = Path(__file__).with_name("page.css")
# The page may show what is inside it and load nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(report: Report, shown: Sequence[str]) -> str:
    """`shown`: a data URI for each of report.differences, "" where there is none."""
    title = f"{report.title}: float against int8"
    body = "\n".join(
        part
        for part in (
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
        )
        if part
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{STYLE.read_text("utf-8")}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
