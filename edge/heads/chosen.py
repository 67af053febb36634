"""Which heads count, a bundle's and those added since, and from what score on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.bundle.read import TagNames
from edge.heads.embedded import AddedHead
from edge.heads.scores import GALLERY


class Heads(msgspec.Struct, frozen=True, eq=False):
    """Everything there is to choose from, and the choice."""

    own: tuple[Head, ...]  # the bundle's
    names: Mapping[str, TagNames]  # of those: head -> its tags
    added: tuple[AddedHead, ...] = ()
    thresholds: Mapping[str, float] = {}  # in place of a head's own
    off: Collection[str] = ()

    @property
    def all(self) -> tuple[Head, ...]:
        return (*self.own, *(one.head for one in self.added))

    @property
    def tags(self) -> dict[str, TagNames]:
        """Of all, those that are off as well."""
        return {**self.names, **{one.head.name: one.names for one in self.added}}

    @property
    def in_use(self) -> tuple[Head, ...]:
        return tuple(self._tuned(head) for head in self.all if head.name not in self.off)

    def _tuned(self, head: Head) -> Head:
        least = self.thresholds.get(head.name)
        return head if least is None else replace(head, thresholds=(least,))


def with_head(heads: Heads, added: AddedHead) -> Heads:
    """With one more, in place of the one of its name that was added before, where there is one."""
    others = (one for one in heads.added if one.head.name != added.head.name)
    return replace(heads, added=(*others, added))


def tune(heads: Heads, thresholds: Mapping[str, float], off: Collection[str]) -> Heads:
    """With this choice in place of the one before. Raises ValueError for a head that is not there,
    or for a threshold that is no probability, as 50 for 50 % would be.
    """
    known = dict.fromkeys((*(head.name for head in heads.all), GALLERY))  # which may come later
    for name in (*thresholds, *off):
        if name not in known:
            raise ValueError(f"head {name!r} is unknown, expected one of {', '.join(known)}")
    for name, least in thresholds.items():
        if not 0 <= least <= 1:
            raise ValueError(f"threshold of head {name!r} is {least}, expected 0..1")
    return replace(heads, thresholds=thresholds, off=off)
