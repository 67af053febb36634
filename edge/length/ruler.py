"""The head `length`: every fish-shaped thing of a frame, measured in the camera plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Literal

import msgspec
from msgspec.structs import replace

from edge.length.choose import chosen
from edge.length.follow import GONE_S, MOST, SETTLED, Known, follow, is_near
from edge.length.mask import near
from edge.length.measure import Look, measure
from edge.length.outline import Outliner
from edge.length.pieces import Rough, pieces_of
from edge.length.plane import Plane, Size
from edge.length.tags import UNSURE, length_in, most, tag_of, with_length
from edge.memory.cells import WAIT_S
from edge.pictures.pixels import size
from edge.records import Box, Picture, Tag

SPECIES = "fish"  # the head whose tags get the length of what they are about
LIKELY = 0.30  # score from which a thing is given a length
LEAST = 0.08  # or, where nothing is, the likeliest thing from here on
PROMISING = 0.05  # by its outline alone: what is worth a nearer look
LEARNS = 0.3  # how much of its cost a look believes of the newest one
ASKED = 3  # times that a fish's species is looked at from near
SAME_PX = 20  # away at most: what was looked at before, and was no fish
TURN_S = 1.0  # then fish are measured before anything is looked at, whatever that costs
REST = 2.0  # times what a turn took, from it to the next: half of the time at most

Ends = Literal["tips", "fork"]


class Ruler(msgspec.Struct, frozen=True, eq=False):
    """How lengths are measured."""

    plane: Plane
    ends: Ends = "tips"
    outliner: Outliner | None = None  # draws masks where colours do not

    def begin(self, first: Size) -> Measured:
        """For one source, whose first frame had that size."""
        return Measured(first)


class Measured:
    """What is known of the fish of one source. Bounded: see follow.MOST and KEPT.

    Measuring may take longer than a frame may: it has turns of its own, each TURN_S at most, and
    what is left of the other frames. A turn without time for all fish goes on with those that were
    measured least.

    first  size of the source's first frame; None: of the one that comes
    """

    def __init__(self, first: Size | None = None) -> None:
        self._first = first
        self.known: tuple[Known, ...] = ()
        self._rough_ms = self._near_ms = 0.0  # what each has cost of late
        self.turn_s = float("-inf")  # when fish were last measured
        self._took_s, self._was_turn = 0.0, False  # measuring; and was the last frame a turn?
        self._blanks: tuple[tuple[float, float, float], ...] = ()  # x, y, s: looked at, no fish
        self._species: dict[int, tuple[str, ...]] = {}  # what was said of each fish, by track
        self._about: dict[int, Tag] = {}  # the length of the fish that each track is about

    def is_due(self, at_s: float, *, has_moved: bool) -> bool:
        """Whether measuring has its turn: never twice in a row, nor most of the time.

        has_moved  whether anything moved since fish were last measured
        """
        wait_s = max(TURN_S if has_moved else WAIT_S, REST * self._took_s)
        return not self._was_turn and not 0 <= at_s - self.turn_s < wait_s

    def look(
        self,
        ruler: Ruler,
        picture: Picture,
        at_s: float,
        left_ms: Callable[[], float],
        new_id: Callable[[], int],
        *,
        is_turn: bool = False,
    ) -> tuple[Tag, ...]:
        """The fish of a frame, each with its length over all looks.

        left_ms  of the budget; what would end past it is not begun
        is_turn  fish are measured all the same: one, and more for as long as finding them took
        Raises ConfigError for a frame that the plane is not for.
        """
        width, height = size(picture)
        plane = ruler.plane.for_size(width, height, self._first or (width, height))
        self._was_turn = is_turn
        if self._rough_ms + self._near_ms > left_ms() and not is_turn:
            return self._tags(self.known, at_s, (width, height))
        start, self.turn_s = perf_counter(), at_s
        rough = pieces_of(picture, ruler.outliner)
        self._rough_ms = _learned(self._rough_ms, start)
        nearer_ms = self._rough_ms if is_turn else 0.0  # finding them was dear
        looks, are_all = self._near(ruler, plane, picture, rough, at_s, left_ms, nearer_ms)
        self._took_s = perf_counter() - start
        self.known, shown = follow(self.known, looks, at_s, new_id)
        return self._tags(shown if are_all else self.known, at_s, (width, height))

    def named(
        self, lengths: Sequence[Tag], say: Callable[[str, Box], str | None]
    ) -> tuple[Tag, ...]:
        """`lengths`, each with its species: what most of a few looks at it say.

        say  what a head, by name, says of a box: a tag, a group, ""; None: there is no time to look
        """
        said = {tag.track: self._species.get(tag.track or 0, ()) for tag in lengths}
        for tag in lengths:
            word = say(SPECIES, tag.box) if len(said[tag.track]) < ASKED else None
            said[tag.track] += () if word is None else (word or UNSURE,)
        self._species = {k.id: said.get(k.id) or self._species.get(k.id, ()) for k in self.known}
        return tuple(replace(tag, species=most(said[tag.track])) for tag in lengths)

    def told(self, tags: Sequence[Tag], lengths: Sequence[Tag]) -> tuple[Tag, ...]:
        """`tags`, species with the length of the fish they are about, and `lengths`; best first.

        A track keeps the length that it had when its fish was measured.
        """
        both = [self._with_length(tag, lengths) for tag in tags] + list(lengths)
        self._about = dict([*self._about.items()][-MOST:])
        return tuple(sorted(both, key=lambda tag: -tag.score))

    def _with_length(self, tag: Tag, lengths: Sequence[Tag]) -> Tag:
        if tag.head != SPECIES:
            return tag
        length = length_in(tag, lengths)
        if tag.track is None:
            return with_length(tag, length)
        if length is not None:
            self._about.pop(tag.track, None)  # the newest are kept
            self._about[tag.track] = length
        return with_length(tag, self._about.get(tag.track))

    @staticmethod
    def _tags(fish: Sequence[Known], at_s: float, size: tuple[int, int]) -> tuple[Tag, ...]:
        """Tags of fish seen now, and of those whose way is known, where they should be by now."""
        told = [one for one in fish if one.seen_s == at_s or one.count > 1]
        tags = (tag_of(one, at_s, size) for one in told if 0 <= at_s - one.seen_s <= GONE_S)
        return tuple(tag for tag in tags if tag is not None)

    def _near(
        self,
        ruler: Ruler,
        plane: Plane,
        picture: Picture,
        rough: Rough,
        at_s: float,
        left_ms: Callable[[], float],
        nearer_ms: float,
    ) -> tuple[list[Look], bool]:
        """Looks at the pieces that may be fish, those with the fewest looks first, of these the
        likeliest; and whether there was time for all of them. It takes `nearer_ms` at least.
        """
        found: list[tuple[tuple[float, float], Look | None]] = []  # where, and what came of it
        self._blanks = tuple(one for one in self._blanks if 0 <= at_s - one[2] <= GONE_S)
        middles = _middles(rough, size(picture))
        order = rough.promising(PROMISING)
        order.sort(key=lambda number: self._looks_at(middles[number - 1], at_s))
        begin = perf_counter()
        for number in order:
            is_long = (perf_counter() - begin) * 1e3 >= nearer_ms
            if is_long and self._near_ms > left_ms() and any(look is not None for _, look in found):
                return self._chosen(found, at_s, are_all=False), False
            start = perf_counter()
            pieces = near(picture, rough, number, ruler.outliner)
            looks = [measure(p, plane, size(picture), ruler.ends == "fork") for p in pieces]
            found += [(middles[number - 1], look) for look in looks or [None]]
            self._near_ms = _learned(self._near_ms, start)
        return self._chosen(found, at_s, are_all=True), True

    def _chosen(
        self,
        found: Sequence[tuple[tuple[float, float], Look | None]],
        at_s: float,
        *,
        are_all: bool,
    ) -> list[Look]:
        """Those of fish. What may be none is told only where it is all there is; other places have
        a look again after the fish.
        """
        looks = [look for _, look in found if look is not None]
        known = [] if are_all else [look.midline_cm for k in self.known for look in k.looks[-1:]]
        told = chosen(looks, LIKELY, LEAST if are_all else LIKELY, max(known, default=0.0))
        boxes = {look.box for look in told}
        good = {place for place, look in found if look is not None and look.box in boxes}
        blanks = dict.fromkeys(place for place, _ in found if place not in good)
        self._blanks = (*self._blanks, *((*place, at_s) for place in blanks))[-MOST:]
        return told

    def _looks_at(self, place: tuple[float, float], at_s: float) -> int:
        """How often what lies there was measured, as far as it matters."""
        x, y = place
        if any(math.hypot(x - a, y - b) <= SAME_PX for a, b, _ in self._blanks):
            return SETTLED
        return max((min(k.count, SETTLED) for k in self.known if is_near(k, x, y, at_s)), default=0)


def _middles(rough: Rough, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Of its pieces, frame px."""
    rows, columns = rough.owner.shape
    wide, tall = size[0] / columns / 2, size[1] / rows / 2
    return [((x0 + x1) * wide, (y0 + y1) * tall) for x0, y0, x1, y1 in rough.boxes]


def _learned(known_ms: float, start: float) -> float:
    ms = (perf_counter() - start) * 1e3
    return ms if not known_ms else known_ms + LEARNS * (ms - known_ms)
