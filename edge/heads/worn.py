"""What is said of a garment beside what it is: of every group of attributes at most one tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.heads.scores import ATTRIBUTES, GARMENTS, ranked
from edge.records import F32, Attribute, Tag


def head_of(heads: Iterable[Head]) -> Head | None:
    """The head of attributes, where there is one and it is not left out."""
    return next((head for head in heads if head.name == ATTRIBUTES), None)


def worn(
    tags: Sequence[Tag],
    head: Head | None,
    names: Sequence[tuple[str, str | None]],
    row: F32 | None,
    shown: Sequence[int] | None = None,
) -> tuple[Tag, ...]:
    """Garments with their attributes, other things as they are.

    row    (T,) probabilities; None: nobody looked closely enough
    shown  the tags that may be said; None: those that reach their thresholds
    """
    if head is None or row is None or not any(tag.head in GARMENTS for tag in tags):
        return tuple(tags)
    rows = np.flatnonzero(row >= head.limits).tolist() if shown is None else shown
    said = _said(names, row, rows)
    return tuple(replace(t, attributes=said) if t.head in GARMENTS else t for t in tags)


def _said(
    names: Sequence[tuple[str, str | None]], row: F32, rows: Sequence[int]
) -> tuple[Attribute, ...]:
    """The best of each group, best first."""
    found: dict[str, Attribute] = {}
    chosen = np.asarray(rows, np.intp)
    for i in chosen[ranked(row[chosen])].tolist():
        tag, group = names[i]
        found.setdefault(group or tag, Attribute(group or tag, tag, round(float(row[i]), 4)))
    return tuple(found.values())
