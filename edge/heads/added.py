"""Heads that are no part of the bundle: read from the embedding, told like every other head."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Literal

import msgspec

from edge.bundle.manifest import Head
from edge.bundle.read import Bundle, TagNames
from edge.bundle.write import stored
from edge.heads.gallery import Gallery
from edge.heads.gallery_file import read_gallery
from edge.heads.scores import GALLERY
from edge.heads.vocabulary import read_vocabulary
from edge.records import F32

OPEN = "open"  # the head of a vocabulary


class AddedHead(msgspec.Struct, frozen=True, eq=False):
    """A head and how it reads an embedding."""

    head: Head
    names: TagNames
    scores: Callable[[F32], F32]  # (R, D) of length 1 -> (R, T) or, with "none", (R, T + 1)


def open_gallery(bundle: Bundle, path: str | PathLike[str]) -> AddedHead:
    """The head `gallery` of what was enrolled for `bundle`.

    Raises BundleError for a file that is damaged, hostile, or of another embedding.
    """
    return gallery_head(read_gallery(Path(path), bundle))


def open_vocabulary(bundle: Bundle, path: str | PathLike[str]) -> AddedHead:
    """The head `open` of a vocabulary. Raises BundleError as `open_gallery` does."""
    made = read_vocabulary(Path(path), bundle)
    head = _head(OPEN, made.header.answers, made.header.tags, made.header.threshold)
    return AddedHead(head, made.header.tags, made.probabilities)


def gallery_head(gallery: Gallery) -> AddedHead:
    """One tag of the gallery, or "none of these"."""
    head = _head(GALLERY, "softmax", gallery.names, 0.5)
    return AddedHead(head, gallery.names, gallery.fit.probabilities)


def _head(
    name: str, kind: Literal["softmax", "multilabel"], names: TagNames, threshold: float
) -> Head:
    lines = "".join(f"{tag}\t{group}\n" if group else f"{tag}\n" for tag, group in names)
    tags = stored(f"{name}.txt", lines.encode())
    return Head(name, kind, tags, 1.0, (threshold,), has_none=kind == "softmax")
