"""Heads that a user adds: what was enrolled, and tags by their texts."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from edge.bundle.read import Bundle
from edge.heads.embedded import AddedHead, made_head
from edge.heads.gallery import Gallery
from edge.heads.gallery_file import read_gallery
from edge.heads.scores import GALLERY
from edge.heads.vocabulary import read_vocabulary

OPEN = "open"  # the head of a vocabulary


def open_gallery(bundle: Bundle, path: str | PathLike[str]) -> AddedHead:
    """The head `gallery` of what was enrolled for `bundle`.

    Raises BundleError for a file that is damaged, hostile, or of another embedding.
    """
    return gallery_head(read_gallery(Path(path), bundle))


def open_vocabulary(bundle: Bundle, path: str | PathLike[str]) -> AddedHead:
    """The head `open` of a vocabulary. Raises BundleError as `open_gallery` does."""
    made = read_vocabulary(Path(path), bundle)
    head = made_head(OPEN, made.header.answers, (made.header.threshold,))
    return AddedHead(head, made.header.tags, made.probabilities)


def gallery_head(gallery: Gallery) -> AddedHead:
    """One tag of the gallery, or "none of these"."""
    head = made_head(GALLERY, "softmax", (0.5,))
    return AddedHead(head, gallery.names, gallery.fit.probabilities)
