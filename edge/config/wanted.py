"""Words of heads that others name: tags, or groups, that a camera tells, and of which pictures stay
for days of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from edge.config.problems import Problem
from edge.config.records import Config
from edge.heads.scores import ATTRIBUTES
from edge.length.tags import TAG as MEASURED
from edge.pictures.stems import plain
from edge.records import Tag
from edge.sinks.target import OPTIONS, parse_target
from edge.spelling import nearest

Names = Sequence[tuple[str, str | None]]  # of a head: tag and group


def is_wanted(tag: Tag, only: Collection[str]) -> bool:
    """only: empty for all."""
    return not only or tag.tag in only or tag.group in only


def unknown(config: Config, names: Mapping[str, Names]) -> Iterator[Problem]:
    """What cameras and targets ask for and no head tells. names: by head."""
    known = _words(names)
    for n, camera in enumerate(config.cameras):
        for word in camera.only:
            if word not in known:
                says = f"{word!r} is found, expected a tag or a group of one of the heads"
                yield Problem(f"cameras[{n}].only", says, nearest(word, known))
    for name, text in config.targets.items():
        yield from unknown_labels(f"targets.{name}", text, names)


def unknown_labels(key: str, text: str, names: Mapping[str, Names]) -> Iterator[Problem]:
    """Options `days:LABEL` of a target, of a label that nothing has: its pictures would stay. One
    that was enrolled once may still have some. Raises UsageError for a text that is no target.
    """
    target, known = parse_target(text, OPTIONS), {*_words(names), MEASURED}
    folders = {plain(word) for word in known}
    for option in target.options:
        kind, is_of_one, label = option.partition(":")
        folder = plain(label)
        if is_of_one and folder not in folders and not (Path(target.where) / folder).is_dir():
            says = f"{target.shown}: {option} is found, expected {kind} of a tag, or of a group"
            yield Problem(key, says, nearest(label, known) or "enroll it first, or leave it out")


def _words(names: Mapping[str, Names]) -> set[str]:
    heads = [pairs for head, pairs in names.items() if head != ATTRIBUTES]
    return {word for pairs in heads for pair in pairs for word in pair if word is not None}
