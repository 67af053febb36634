"""A gallery: tags enrolled on the device with a few pictures each, and what is none of them. Pure.

Every change gives a new gallery, learned again from all examples: see `gallery_fit`. Bounded in
tags, examples and views. `gallery_file.py` reads and writes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from edge.errors import UsageError
from edge.heads.gallery_fit import Fit, fit
from edge.heads.rows import is_name, rounded
from edge.records import F32

MAX_TAGS = 200
MAX_EXAMPLES = 40  # of a tag
MAX_VIEWS = 16  # of an example
MAX_BESIDE = 16  # views beside an example
MAX_NONE = 600  # views of what is none of the tags
MAX_ROWS = 8000  # views in all: 20 MB, and seconds to learn from


class Example(msgspec.Struct, frozen=True, eq=False):
    """One picture of a tag, or of none."""

    digest: str  # SHA-256 of its pixels and box, hex: the same picture is not enrolled twice
    added: str  # when, RFC 3339 in UTC
    views: F32  # (v, D) embeddings, length 1, as float16 holds them
    beside: F32 | None = None  # (b, D) of the same picture, but not of the tag; None: none


class Enrolled(msgspec.Struct, frozen=True, eq=False):
    """A tag and its examples."""

    tag: str
    group: str | None
    examples: tuple[Example, ...]
    recalled: float | None = None  # share of its views named right without their example, 0..1


class Gallery(msgspec.Struct, frozen=True, eq=False):
    """Some tags, for one embedding."""

    bundle: str  # name@counter, for people
    embedding: str  # `rows.embedding_id`
    tags: tuple[Enrolled, ...]  # in the order enrolled; 1 or more
    none: tuple[Example, ...]  # what is none of them; the first is the sheet that ships
    fit: Fit

    @property
    def names(self) -> tuple[tuple[str, str | None], ...]:
        """(tag, group), in the order of the probabilities."""
        return tuple((one.tag, one.group) for one in self.tags)


def learned_gallery(
    bundle: str, embedding: str, tags: Sequence[Enrolled], none: Sequence[Example]
) -> Gallery:
    """A gallery that has learned its examples. Raises UsageError when there are too many."""
    _check(tags, none)
    examples = [example.views for one in tags for example in one.examples]
    owners = [n for n, one in enumerate(tags) for _ in one.examples]
    beside = [e.beside for one in tags for e in one.examples if e.beside is not None]
    learned = fit(examples, owners, _stacked(none), np.concatenate(beside) if beside else None)
    told = tuple(replace(one, recalled=r) for one, r in zip(tags, learned.recalled, strict=True))
    known = replace(learned, weights=rounded(learned.weights))
    return Gallery(bundle, embedding, told, tuple(none), known)


def with_examples(gallery: Gallery, new: Enrolled) -> Gallery:
    """With one more tag, or more examples of one that is there. Raises UsageError."""
    return learned_gallery(
        gallery.bundle, gallery.embedding, joined(gallery.tags, [new]), gallery.none
    )


def with_none(gallery: Gallery, none: Iterable[Example]) -> Gallery:
    """With more pictures of what is none of the tags. Raises UsageError."""
    more = _distinct([*gallery.none, *none])
    return learned_gallery(gallery.bundle, gallery.embedding, gallery.tags, more)


def without(gallery: Gallery, tag: str) -> Gallery | None:
    """Without a tag; None when it was the only one. Raises UsageError for one that is not there."""
    left = [one for one in gallery.tags if one.tag != tag]
    if len(left) == len(gallery.tags):
        known = ", ".join(repr(one.tag) for one in gallery.tags[:8])
        raise UsageError(
            f"enroll remove: {tag!r} is not enrolled, expected one of {known}",
            fix="edge-tag enroll list tells all of them",
        )
    return learned_gallery(gallery.bundle, gallery.embedding, left, gallery.none) if left else None


def merged(gallery: Gallery, other: Gallery) -> Gallery:
    """All tags of both; a tag of both has the examples of both. Raises UsageError.

    Both must be of one embedding: reading them says so.
    """
    none = _distinct([*gallery.none, *other.none])
    return learned_gallery(
        gallery.bundle, gallery.embedding, joined(gallery.tags, other.tags), none
    )


def joined(tags: Sequence[Enrolled], more: Iterable[Enrolled]) -> list[Enrolled]:
    """Each tag once, each example once. A group that is given wins over the one before."""
    found = {one.tag: one for one in tags}
    for new in more:
        known = found.get(new.tag)
        examples = _distinct([*(known.examples if known else ()), *new.examples])
        group = new.group or (known.group if known else None)
        found[new.tag] = Enrolled(new.tag, group, examples)
    return list(found.values())


def count_of(example: Example) -> int:
    """Of its rows."""
    return len(example.views) + (0 if example.beside is None else len(example.beside))


def _distinct(examples: Iterable[Example]) -> tuple[Example, ...]:
    return tuple({example.digest: example for example in examples}.values())


def _stacked(examples: Sequence[Example]) -> F32:
    return np.concatenate([example.views for example in examples])


def _check(tags: Sequence[Enrolled], none: Sequence[Example]) -> None:
    """Raises UsageError for more than a gallery holds, or a name that is none."""
    rows = sum(count_of(example) for one in tags for example in one.examples)
    negatives = sum(len(example.views) for example in none)
    for one in tags:
        for word in (one.tag, *([] if one.group is None else [one.group])):
            if not is_name(word):
                raise UsageError(
                    f"enroll: name is {word[:120]!r}, expected 1 to 100 characters, no line break",
                    fix='give it a short one: --name "Acme"',
                )
    most = max((len(one.examples) for one in tags), default=0)
    for count, limit, what in (
        (len(tags), MAX_TAGS, "tags"),
        (most, MAX_EXAMPLES, "examples of one tag"),
        (rows, MAX_ROWS, "views"),
        (negatives, MAX_NONE, "views of what is none"),
    ):
        if count > limit:
            raise UsageError(
                f"enroll: gallery would hold {count} {what}, expected at most {limit}",
                fix="remove some first: edge-tag enroll remove NAME",
            )
