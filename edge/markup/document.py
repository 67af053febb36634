"""The frame of a report: one file, nothing from the network; fits a phone, and the dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("page.css")
# The page may show what is inside it and load nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """`parts` are HTML already, one under another; "" is left out. `style`: CSS of its own."""
    body = "\n".join(part for part in parts if part)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{STYLE.read_text("utf-8")}{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
