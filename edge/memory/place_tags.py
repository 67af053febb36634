"""What looks at the frame and at its tiles said, told together with what is known of things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.heads.scores import GALLERY
from edge.memory.fuse import fuse, is_explained
from edge.memory.places import Place, agreed
from edge.memory.tags import none_of, tags_of
from edge.memory.things import Things
from edge.records import F32, Box, Nothing, Tag

Names = Mapping[str, Sequence[tuple[str, str | None]]]  # head -> (tag, group) of each score


class PlaceTags:
    """Tags of places and of the frame, in frames of one size: as many places as there are tiles."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._frame: Box = (0, 0, *size)
        self.clear()

    def clear(self) -> None:
        self._places: dict[Box, Place] = {}
        self._whole: Place | None = None
        self._none: dict[str, float] = {}

    def forget_places(self) -> None:
        """Nothing is where it was."""
        self._places.clear()

    def whole(
        self,
        tags: Sequence[Tag],
        at_s: float,
        none: Mapping[str, float],
        row: F32 | None,
    ) -> None:
        """none: what `heads.none_for` says of it; row: probabilities of what was enrolled"""
        self._whole, self._none = Place(at_s, tuple(tags), row), dict(none)

    def place(
        self, box: Box, tags: Sequence[Tag], at_s: float, rows: F32 | None, *, is_fine: bool = False
    ) -> None:
        """rows: (1, T) probabilities of what was enrolled; is_fine: a tile smaller than usual"""
        row = None if rows is None else rows[0]
        self._places[box] = Place(at_s, tuple(tags), row, is_fine=is_fine)

    def tags(
        self, things: Things, heads: Sequence[Head], names: Names, at_s: float, top_k: int | None
    ) -> tuple[Tag, ...]:
        """Everything known of the frame, best first."""
        seen = self._seen
        of_things: list[Tag] = []
        once: dict[Box, Place] = {}
        for track in things.tracks:
            box = things.box(track, at_s)
            found = tags_of(track, box, heads, names, at_s, top_k)
            new = [t for t in found if t.head == GALLERY and t.looks == 1 and box not in seen]
            of_things += [tag for tag in found if tag not in new]
            if new:
                row = np.exp(track.evidence.logs[GALLERY])
                once[box] = Place(track.looked_s or at_s, tuple(new), row, is_thing=True)
        if top_k is None:
            self._hand_over(of_things)
        whole: list[Tag] = []
        places: list[Tag] = []
        size = self._frame[2:]
        for place, tag in agreed({**self._seen, **once}, size, heads, names, top_k):
            to = of_things if place.is_thing else whole if place is self._whole else places
            to.append(replace(tag, age_s=round(at_s - place.seen_s, 3)))
        return fuse(whole, places, of_things, top_k)

    def none(self, things: Things, heads: Sequence[Head], at_s: float) -> tuple[Nothing, ...]:
        """What was looked at and is none of the tags of any head: the frame, then things."""
        found, on = [], {head.name for head in heads}
        whole = {name: share for name, share in self._none.items() if name in on}
        if self._whole is not None and whole:
            age_s = round(at_s - self._whole.seen_s, 3)
            found.append(Nothing(whole, self._frame, age_s=age_s))
        for track in things.tracks:
            nothing = none_of(track, things.box(track, at_s), heads, at_s)
            found += [] if nothing is None else [nothing]
        return tuple(found)

    @property
    def _seen(self) -> dict[Box, Place]:
        whole = {} if self._whole is None else {self._frame: self._whole}
        return {**self._places, **whole}

    def _hand_over(self, things: Sequence[Tag]) -> None:
        """What a thing explains of a place belongs to the thing from now on. Else the place would
        say for seconds that it is there, after the thing was taken away or has moved.
        """
        for box, place in self._places.items():
            kept = tuple(tag for tag in place.tags if not is_explained(tag, things))
            if len(kept) < len(place.tags):
                self._places[box] = replace(place, tags=kept)
