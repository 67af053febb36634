"""Pieces of the page. What comes from a user is escaped here; `content` is HTML already."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def section(title: str, under: str, content: str) -> str:
    said = f'<p class="under">{escape(under)}</p>\n' if under else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{said}{content}\n</section>"


def card(title: str, under: str, content: str) -> str:
    return (
        f'<div class="card"><h3>{escape(title)}</h3><p class="under">{escape(under)}</p>'
        f"{content}</div>"
    )


def grid(cards: Sequence[str], kind: str = "") -> str:
    return f'<div class="{f"grid {kind}".strip()}">\n' + "\n".join(cards) + "\n</div>"


def key(*entries: tuple[str, str]) -> str:
    """What colours mean: (class of page.css, words) each."""
    spans = "".join(
        f'<span><i class="{kind}"></i>{escape(words)}</span>' for kind, words in entries
    )
    return f'<p class="key">{spans}</p>\n'


def cell(words: str, kind: str = "", tag: str = "td") -> str:
    """`kind`: classes of page.css; "word" stands left, without it numbers stand right."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<{tag}{attribute}>{escape(words)}</{tag}>"


def row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def table(columns: Sequence[tuple[str, str]], rows: Sequence[str]) -> str:
    """columns: (words, kind) as for `cell`."""
    heads = "".join(cell(words, kind, "th") for words, kind in columns)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def wide(content: str) -> str:
    """A card that scrolls sideways by itself where the page is narrow."""
    return f'<div class="card wide">{content}</div>'


def unfold(words: str, content: str) -> str:
    return f"<details><summary>{escape(words)}</summary>{content}</details>"


def terms(pairs: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{escape(said)}</dd>" for term, said in pairs)
    return f'<div class="card"><dl>{lines}</dl></div>'
