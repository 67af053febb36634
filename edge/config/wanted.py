"""Which tags a camera tells: those that it asks for, by their own name or by their group's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from edge.config.problems import Problem
from edge.config.records import Config
from edge.heads.scores import ATTRIBUTES
from edge.records import Tag
from edge.spelling import nearest

Names = Sequence[tuple[str, str | None]]  # of a head: tag and group


def is_wanted(tag: Tag, only: Collection[str]) -> bool:
    """only: empty for all."""
    return not only or tag.tag in only or tag.group in only


def unknown(config: Config, names: Mapping[str, Names]) -> Iterator[Problem]:
    """What cameras ask for and no head tells. names: by head."""
    heads = [pairs for head, pairs in names.items() if head != ATTRIBUTES]
    known = {word for pairs in heads for pair in pairs for word in pair if word is not None}
    for n, camera in enumerate(config.cameras):
        for word in camera.only:
            if word not in known:
                says = f"{word!r} is found, expected a tag or a group of one of the heads"
                yield Problem(f"cameras[{n}].only", says, nearest(word, known))
