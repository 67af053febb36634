"""The tags of a teacher that has only numbered outputs: a text file, one tag a line."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from quantize.errors import WorkshopError
from quantize.ram.vocabulary import numbered, positions, read_tags, read_thresholds
from quantize.teachers import Request

BACKGROUND = "background"  # "nothing of these" of many lists for 1,001 outputs: no tag


class Outputs(msgspec.Struct, frozen=True):
    """Which of a file's outputs are tags, and what they are called."""

    kept: tuple[int, ...]  # positions in the file's outputs
    tags: tuple[str, ...]  # unique
    thresholds: tuple[float, ...] | None


def outputs_of(request: Request, size: int, own: Sequence[str] | None = None) -> Outputs:
    """The tags of `size` outputs, as --tag-list says, or as the file itself says in `own`, or
    numbered.

    A tag called "background" is left out, and what --only does not name, where that is given.
    Raises WorkshopError when a list has another length, or no such tag.
    """
    given = read_tags(request.tag_list) if request.tag_list else own
    names = unique(given if given is not None else numbered(size))
    if len(names) != size:
        raise WorkshopError(
            request.tag_list or f"--teacher {request.name}",
            f"{len(names)} tags",
            f"{size}, one for each output",
            "--tag-list FILE, the one that belongs to the checkpoint",
        )
    limits = read_thresholds(request.thresholds, size) if request.thresholds else None
    kept = [i for i, name in enumerate(names) if name.lower() != BACKGROUND]
    if request.only:
        kept = positions(names, read_tags(request.only))
    return Outputs(
        tuple(kept),
        tuple(names[i] for i in kept),
        tuple(limits[i] for i in kept) if limits else None,
    )


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Two outputs of one name are two tags: ImageNet has two cranes. The later is "crane (2)"."""
    tags: dict[str, None] = {}
    for name in names:
        tag, number = name, 1
        while tag in tags:
            number += 1
            tag = f"{name} ({number})"
        tags[tag] = None
    return tuple(tags)
