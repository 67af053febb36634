"""Embeddings of made-up things, and galleries of them, small enough to think about."""

from __future__ import annotations

import numpy as np

from edge.bundle import Bundle
from edge.heads.gallery import Enrolled, Example, Gallery, learned_gallery
from edge.heads.gallery_file import unit
from edge.heads.rows import embedding_id
from edge.records import F32

SIZE = 24  # D of made-up embeddings


def views(thing: int, picture: int, count: int = 4, size: int = SIZE, spread: float = 0.05) -> F32:
    """(count, size) embeddings of a picture of a thing: near one another, far from other things."""
    middle = np.random.default_rng([1, thing]).normal(size=size)
    place = np.random.default_rng([2, thing, picture])
    rows = middle + 3 * spread * place.normal(size=size) + spread * place.normal(size=(count, size))
    return unit(rows.astype(np.float32))


def negatives(count: int = 30, size: int = SIZE) -> F32:
    return unit(np.random.default_rng(3).normal(size=(count, size)).astype(np.float32))


def an_example(thing: int, picture: int, size: int = SIZE) -> Example:
    return Example(
        f"{thing:032x}{picture:032x}", "2026-01-01T00:00:00.000Z", views(thing, picture, size=size)
    )


def none_of_them(size: int = SIZE) -> Example:
    return Example("f" * 64, "2026-01-01T00:00:00.000Z", negatives(size=size))


def tag(thing: int, pictures: int = 3, group: str | None = None, size: int = SIZE) -> Enrolled:
    examples = tuple(an_example(thing, n, size) for n in range(pictures))
    return Enrolled(f"thing {thing}", group, examples)


def gallery(things: int = 3, pictures: int = 3, bundle: Bundle | None = None) -> Gallery:
    """Of things 0, 1, ...; for `bundle`, where one is given."""
    name, digest, size = "made@1", "0" * 64, SIZE
    if bundle is not None:
        name, digest = bundle.id, embedding_id(bundle.manifest)
        size = bundle.manifest.embedding_size
    tags = [tag(n, pictures, size=size) for n in range(things)]
    return learned_gallery(name, digest, tags, [none_of_them(size)])
