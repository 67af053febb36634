"""Heads that no engine runs: read from the embedding, told like every other; one is a bundle's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from edge.bundle.manifest import Head, StoredFile
from edge.bundle.read import Bundle, TagNames
from edge.heads.attributes import read_attributes
from edge.heads.scores import ATTRIBUTES
from edge.records import F32

NO_FILE = StoredFile("", 0, "")  # of tags: they are in memory


class AddedHead(msgspec.Struct, frozen=True, eq=False):
    """A head and how it reads an embedding."""

    head: Head
    names: TagNames
    scores: Callable[[F32], F32]  # (R, D) of length 1 -> (R, T) or, with "none", (R, T + 1)


def open_attributes(bundle: Bundle) -> AddedHead | None:
    """The head `attributes` that a bundle holds, or None.

    Raises BundleError for a file that is damaged, hostile, or of another embedding.
    """
    if bundle.manifest.attributes is None:
        return None
    made = read_attributes(bundle, bundle.manifest.attributes)
    head = made_head(ATTRIBUTES, "multilabel", made.header.thresholds)
    return AddedHead(head, made.header.tags, made.scores)


def made_head(
    name: str,
    kind: Literal["softmax", "multilabel"],
    thresholds: tuple[float, ...],
) -> Head:
    """As a manifest would have it; a softmax one with "none of these"."""
    return Head(name, kind, NO_FILE, 1.0, thresholds, has_none=kind == "softmax")
