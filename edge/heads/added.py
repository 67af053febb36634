"""Heads that no engine runs: read from the embedding, told like every other head."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Literal

import msgspec

from edge.bundle.manifest import Head
from edge.bundle.read import Bundle, TagNames
from edge.bundle.write import stored
from edge.heads.attributes import read_attributes
from edge.heads.gallery import Gallery
from edge.heads.gallery_file import default_path, read_gallery
from edge.heads.scores import ATTRIBUTES, GALLERY
from edge.heads.vocabulary import read_vocabulary
from edge.records import F32

OPEN = "open"  # the head of a vocabulary


class AddedHead(msgspec.Struct, frozen=True, eq=False):
    """A head and how it reads an embedding."""

    head: Head
    names: TagNames
    scores: Callable[[F32], F32]  # (R, D) of length 1 -> (R, T) or, with "none", (R, T + 1)


def open_gallery(bundle: Bundle, path: str | PathLike[str] | None = None) -> AddedHead | None:
    """The head `gallery` of what was enrolled for `bundle`.

    path  None: where `edge-tag enroll` puts it, and None is returned when nothing is there
    Raises BundleError for a file that is damaged, hostile, or of another embedding.
    """
    if path is None:
        own = default_path(bundle)
        return gallery_head(read_gallery(own, bundle)) if own.exists() else None
    return gallery_head(read_gallery(Path(path), bundle))


def open_vocabulary(bundle: Bundle, path: str | PathLike[str]) -> AddedHead:
    """The head `open` of a vocabulary. Raises BundleError as `open_gallery` does."""
    made = read_vocabulary(Path(path), bundle)
    head = _head(OPEN, made.header.answers, made.header.tags, (made.header.threshold,))
    return AddedHead(head, made.header.tags, made.probabilities)


def open_attributes(bundle: Bundle) -> AddedHead | None:
    """The head `attributes` that a bundle holds, or None. Raises BundleError as the others do."""
    if bundle.manifest.attributes is None:
        return None
    made = read_attributes(bundle, bundle.manifest.attributes)
    head = _head(ATTRIBUTES, "multilabel", made.header.tags, made.header.thresholds)
    return AddedHead(head, made.header.tags, made.scores)


def gallery_head(gallery: Gallery) -> AddedHead:
    """One tag of the gallery, or "none of these"."""
    head = _head(GALLERY, "softmax", gallery.names, (0.5,))
    return AddedHead(head, gallery.names, gallery.fit.probabilities)


def _head(
    name: str,
    kind: Literal["softmax", "multilabel"],
    names: TagNames,
    thresholds: tuple[float, ...],
) -> Head:
    lines = "".join(f"{tag}\t{group}\n" if group else f"{tag}\n" for tag, group in names)
    tags = stored(f"{name}.txt", lines.encode())
    return Head(name, kind, tags, 1.0, thresholds, has_none=kind == "softmax")
