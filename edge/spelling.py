"""Words: how many of what, and what a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def counted(count: int, thing: str) -> str:
    """`1 tag`, `2 tags`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word; empty when nothing is near."""
    near = get_close_matches(word, list(known), 1)
    return f"did you mean {near[0]!r}?" if near else ""
