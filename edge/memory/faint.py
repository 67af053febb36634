"""Spots of the glances that are hardly warm: those that nobody looked at closely yet, and those at
which looks named nothing.

Bounded: a glance gives so many spots, and at most tracks.MOST were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from edge.glance.heat import FAINT, UNLIKELY, Spot, likely
from edge.memory.tracks import MOST
from edge.pictures.regions import alike
from edge.records import Box
from edge.schedule.candidates import OTHERWISE, Item

VAIN_S = 300.0  # after which a spot that is nothing is worth another look: daylight changes
RESTS_S = 0.3  # between glances, and between looks at one thing: sooner, they show the same again
AGAIN = 0.5  # what another look is worth, after one that named nothing


class Vain(msgspec.Struct, frozen=True):
    """A spot at which looks named nothing."""

    heat: float
    looked_s: float  # the last of them
    looks: int


class FaintSpots:
    """Of one camera."""

    def __init__(self) -> None:
        self._spots: tuple[Spot, ...] = ()
        self._vain: dict[Box, Vain] = {}

    @property
    def likely(self) -> tuple[Spot, ...]:
        """Those that nobody looked at closely, and that are worth it."""
        return tuple(spot for spot in self._spots if spot.heat >= UNLIKELY)

    def items(self, at_s: float) -> list[Item]:
        """The best of what is looked at only when there is nothing better to do, one a frame: spots
        that are hardly warm, and a second look, cut otherwise, at those that are nothing so far.
        """
        found = [Item(s.box, likely(s.heat), "heat") for s in self._spots if s.heat < UNLIKELY]
        found += [
            Item(box, AGAIN * likely(vain.heat), "heat", looks=vain.looks)
            for box, vain in self._vain.items()
            if vain.looks < len(OTHERWISE) and at_s - vain.looked_s >= RESTS_S
        ]
        return sorted(found, key=lambda item: -item.worth)[:1]

    def arrive(self, is_moving: Callable[[Box], bool], at_s: float) -> None:
        """A new frame."""
        self._spots = tuple(spot for spot in self._spots if not is_moving(spot.box))
        self._vain = {
            box: vain
            for box, vain in self._vain.items()
            if at_s - vain.looked_s <= VAIN_S and not is_moving(box)
        }

    def clear(self) -> None:
        """A glance at the whole frame says anew where they are."""
        self._spots = ()

    def seen_closer(self, spots: Sequence[Spot]) -> None:
        """A glance at a part showed these: they are told anew."""
        self._spots = tuple(s for s in self._spots if not any(alike(s.box, o.box) for o in spots))

    def add(self, spots: Iterable[Spot], known: Sequence[Box]) -> None:
        """Of a glance, those where nothing is known."""
        boxes = (*known, *self._vain)
        new = (s for s in spots if not any(alike(s.box, box) for box in boxes))
        self._spots = (*self._spots, *new)

    def looked_at(self, spot: Box, at_s: float, *, found: bool) -> None:
        """A closer look was made at one. Until something moves there, another would say the same,
        unless it is cut otherwise.
        """
        heat = max((s.heat for s in self._spots if alike(s.box, spot)), default=FAINT)
        self._spots = tuple(s for s in self._spots if not alike(s.box, spot))
        if not found:
            before = self._vain.get(spot, Vain(heat, at_s, 0))
            vain = replace(before, looked_s=at_s, looks=before.looks + 1)
            self._vain = dict([*self._vain.items(), (spot, vain)][-MOST:])
