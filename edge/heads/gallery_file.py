"""Galleries on disk: what is in them, and to which bundle they belong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from edge import __version__
from edge.bundle.read import Bundle
from edge.errors import BundleError
from edge.heads.gallery import (
    MAX_BESIDE,
    MAX_EXAMPLES,
    MAX_NONE,
    MAX_ROWS,
    MAX_TAGS,
    MAX_VIEWS,
    Enrolled,
    Example,
    Gallery,
    count_of,
)
from edge.heads.gallery_fit import Fit
from edge.heads.rows import (
    Shapes,
    check_unit,
    embedding_id,
    is_name,
    read_rows,
    rounded,
    write_rows,
)
from edge.records import F32
from edge.store import make_folder

AGAIN = "move it away and enrol its pictures again, or run without it: --no-gallery"

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Text = Annotated[str, msgspec.Meta(max_length=200)]


class StoredExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `Example` without its numbers."""

    digest: Digest
    added: Annotated[str, msgspec.Meta(max_length=40)]
    views: Annotated[int, msgspec.Meta(ge=1, le=MAX_NONE)]
    beside: Annotated[int, msgspec.Meta(ge=0, le=MAX_BESIDE)] = 0


Examples = Annotated[tuple[StoredExample, ...], msgspec.Meta(min_length=1, max_length=MAX_EXAMPLES)]


class StoredTag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `Enrolled` without its numbers."""

    tag: str
    group: str | None
    examples: Examples
    recalled: Share | None


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a gallery's file says before its numbers: views of the tags, of none, weights."""

    schema: Literal[1, 2]  # 1: nothing beside the examples
    kind: Literal["gallery"]
    made_by: Text
    bundle: Text
    embedding: Digest
    size: Annotated[int, msgspec.Meta(ge=1, le=65536)]  # D
    tags: Annotated[tuple[StoredTag, ...], msgspec.Meta(min_length=1, max_length=MAX_TAGS)]
    none: Annotated[tuple[StoredExample, ...], msgspec.Meta(min_length=1, max_length=MAX_NONE)]
    limit: Annotated[float, msgspec.Meta(ge=-2, le=2)]
    steep: Annotated[float, msgspec.Meta(gt=0, le=1000)]
    sharp: Annotated[float, msgspec.Meta(gt=0, le=1000)]


def write_gallery(path: Path, gallery: Gallery) -> None:
    """Whole, on the disk when this returns, or not at all. Raises SinkError."""
    make_folder(path.parent)
    examples = [*(e for one in gallery.tags for e in one.examples), *gallery.none]
    rows = np.concatenate(
        [part for e in examples for part in (e.views, e.beside) if part is not None]
    )
    write_rows(path, _header(gallery, rows.shape[1]), [rows, gallery.fit.weights])


def read_gallery(path: Path, bundle: Bundle) -> Gallery:
    """The gallery at `path`, which must have been made with the embedding of `bundle`.

    Raises BundleError for a file that is damaged, hostile, or of another embedding.
    """
    header, (rows, weights) = read_rows(path, Header, lambda h: _shapes(h, bundle, str(path)))
    check_unit(rows, "embeddings", str(path))
    parts = iter(_parts(header, rows))
    tags = tuple(
        Enrolled(one.tag, one.group, tuple(_example(e, parts) for e in one.examples), one.recalled)
        for one in header.tags
    )
    none = tuple(_example(e, parts) for e in header.none)
    mean = np.concatenate([example.views for example in none]).mean(axis=0)
    recalled = tuple(one.recalled for one in header.tags)
    learned = Fit(weights, mean, header.limit, header.steep, header.sharp, recalled)
    return Gallery(header.bundle, header.embedding, tags, none, learned)


def _header(gallery: Gallery, size: int) -> Header:
    return Header(
        schema=2,
        kind="gallery",
        made_by=f"edge-tag {__version__}",
        bundle=gallery.bundle,
        embedding=gallery.embedding,
        size=size,
        tags=tuple(
            StoredTag(one.tag, one.group, tuple(map(_stored, one.examples)), one.recalled)
            for one in gallery.tags
        ),
        none=tuple(map(_stored, gallery.none)),
        limit=gallery.fit.limit,
        steep=gallery.fit.steep,
        sharp=gallery.fit.sharp,
    )


def _stored(example: Example) -> StoredExample:
    views = len(example.views)
    return StoredExample(example.digest, example.added, views, count_of(example) - views)


def _example(stored: StoredExample, parts: Iterator[F32]) -> Example:
    rows = next(parts)
    beside = rows[stored.views :] if stored.beside else None
    return Example(stored.digest, stored.added, rows[: stored.views], beside)


def _parts(header: Header, rows: F32) -> list[F32]:
    counts = [e.views + e.beside for e in _examples(header)]
    return np.split(rows, np.cumsum(counts)[:-1])


def _examples(header: Header) -> list[StoredExample]:
    return [*(e for one in header.tags for e in one.examples), *header.none]


def _shapes(header: Header, bundle: Bundle, where: str) -> Shapes:
    """Raises BundleError for another embedding, or for tags that are none."""
    found = embedding_id(bundle.manifest)
    if (header.embedding, header.size) != (found, bundle.manifest.embedding_size):
        raise BundleError(
            f"{where}: gallery is for the embedding {header.embedding[:12]} of "
            f"{header.bundle!r}, expected {found[:12]} of {bundle.id!r}",
            fix=AGAIN,
        )
    words = [one.tag for one in header.tags]
    named = [word for one in header.tags for word in (one.tag, one.group) if word is not None]
    if len({*words}) != len(words) or not all(map(is_name, named)):
        raise BundleError(f"{where}: tags are {words[:5]}..., expected names, each once", fix=AGAIN)
    views = sum(e.views + e.beside for one in header.tags for e in one.examples)
    none = sum(e.views + e.beside for e in header.none)
    most = max(e.views for one in header.tags for e in one.examples)
    if views > MAX_ROWS or none > MAX_NONE or most > MAX_VIEWS:
        raise BundleError(
            f"{where}: gallery has {views} views and {none} of none, expected at most "
            f"{MAX_ROWS} and {MAX_NONE}, and {MAX_VIEWS} of a picture",
            fix=AGAIN,
        )
    return [(views + none, header.size), (len(words), header.size)]


def unit(rows: F32) -> F32:
    """(v, D) as a file keeps them: length 1, float16."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rounded(np.asarray(rows / np.maximum(lengths, 1e-12), np.float32))
