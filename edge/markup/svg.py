"""Drawings as text: elements of SVG, and the axis that plots share. Words are escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from math import ceil, floor, log10

WIDTH = 360  # user units, px where the page has room: text keeps its size on a phone


def element(tag: str, *content: str, **attributes: str | float) -> str:
    """`<tag>`, `content` SVG already.

    An attribute's underscores become dashes, one at the end is dropped.
    """
    pairs = (f' {k.rstrip("_").replace("_", "-")}="{_value(v)}"' for k, v in attributes.items())
    inner = "".join(content)
    return f"<{tag}{''.join(pairs)}>{inner}</{tag}>" if inner else f"<{tag}{''.join(pairs)}/>"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def drawing(height: float, says: str, parts: Iterable[str]) -> str:
    """A plot of WIDTH x height user units; `says` is read out to who cannot see it."""
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_label=says,
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """`anchor`: the part of the words that is at x: start, middle, end."""
    return element("text", escape(words), x=x, y=y, class_=kind, text_anchor=anchor)


def clipped(words: str, most: int) -> str:
    """At most `most` characters."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    return element("line", x1=x0, y1=y0, x2=x1, y2=y1, class_=kind)


def ticks(top: float, most: int = 5) -> list[float]:
    """Round numbers from 0 up to `top`, at most `most` after 0."""
    if top <= 0:
        return [0.0]
    rough = top / most
    size = 10.0 ** floor(log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-9))
    return [i * step for i in range(floor(top / step * (1 + 1e-9)) + 1)]


def round_up(top: float) -> float:
    """The smallest tick at or above `top`: where an axis ends."""
    marks = ticks(top)
    step = marks[1] if len(marks) > 1 else 1.0
    return ceil(top / step * (1 - 1e-9)) * step
