"""The head `length`: every fish-shaped thing of a frame, measured in the camera plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Literal

import cv2
import msgspec
import numpy as np
from msgspec.structs import replace

from edge.length.choose import chosen
from edge.length.follow import Known, follow, fused
from edge.length.mask import near
from edge.length.measure import Look, measure
from edge.length.outline import Outliner
from edge.length.pieces import Rough, pieces_of
from edge.length.plane import Plane
from edge.pictures.pixels import size
from edge.pictures.regions import within
from edge.records import F64, Box, Picture, Tag

HEAD, TAG = "length", "fish"
SPECIES = "fish"  # the head whose tags get the length of what they are about
LIKELY = 0.30  # score from which a thing is given a length
LEAST = 0.08  # or, where nothing is, the likeliest thing from here on
PROMISING = 0.05  # by its outline alone: what is worth a nearer look
LEARNS = 0.3  # how much of its cost a look believes of the newest one
ASKED = 3  # times that a fish's species is looked at from near
UNSURE = "unsure"  # its species
POINTS = 48  # of an outline, at most
PART = 0.5  # of a fish: so much of it lies in the box of a tag that is about it

Ends = Literal["tips", "fork"]


class Ruler(msgspec.Struct, frozen=True, eq=False):
    """How lengths are measured."""

    plane: Plane
    ends: Ends = "tips"
    outliner: Outliner | None = None  # draws masks where colours do not

    def begin(self) -> Measured:
        """For one source."""
        return Measured()


class Measured:
    """What is known of the fish of one source. Bounded: see follow.MOST and KEPT."""

    def __init__(self) -> None:
        self.known: tuple[Known, ...] = ()
        self._rough_ms = self._near_ms = 0.0  # what each has cost of late
        self._species: dict[int, tuple[str, ...]] = {}  # what was said of each fish, by track

    def look(
        self,
        ruler: Ruler,
        picture: Picture,
        at_s: float,
        left_ms: Callable[[], float],
        new_id: Callable[[], int],
    ) -> tuple[Tag, ...]:
        """The fish of a frame, each with its length over all looks.

        left_ms  of the budget; what would end past it is not begun
        Raises ConfigError for a frame that the plane is not for.
        """
        width, height = size(picture)
        plane = ruler.plane.for_size(width, height)
        if self._rough_ms + self._near_ms > left_ms():
            return ()
        start = perf_counter()
        rough = pieces_of(picture, ruler.outliner)
        self._rough_ms = _learned(self._rough_ms, start)
        looks = self._near(ruler, plane, picture, rough, left_ms)
        self.known, shown = follow(self.known, looks, at_s, new_id)
        return tuple(_tag(fish) for fish in shown)

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
        return tuple(replace(tag, species=_most(said[tag.track])) for tag in lengths)

    @staticmethod
    def told(tags: Sequence[Tag], lengths: Sequence[Tag]) -> tuple[Tag, ...]:
        """`tags`, species with the length of the fish they are about, and `lengths`; best first."""
        both = [_with_length(tag, lengths) for tag in tags] + list(lengths)
        return tuple(sorted(both, key=lambda tag: -tag.score))

    def _near(
        self,
        ruler: Ruler,
        plane: Plane,
        picture: Picture,
        rough: Rough,
        left_ms: Callable[[], float],
    ) -> list[Look]:
        """Looks at the pieces that may be fish, the likeliest first."""
        found: list[Look] = []
        for number in rough.promising(PROMISING):
            if found and self._near_ms > left_ms():
                break
            start = perf_counter()
            pieces = near(picture, rough, number, ruler.outliner)
            looks = (measure(p, plane, size(picture), ruler.ends == "fork") for p in pieces)
            found += [look for look in looks if look is not None]
            self._near_ms = _learned(self._near_ms, start)
        return chosen(found, LIKELY, LEAST)


def _with_length(tag: Tag, lengths: Sequence[Tag]) -> Tag:
    """Of a species the length of the one fish in its box; of several nobody knows which."""
    if tag.head != SPECIES:
        return tag
    inside = [length for length in lengths if within(length.box, tag.box) >= PART]
    if len(inside) != 1:
        return tag
    one = inside[0]
    return replace(
        tag, length_cm=one.length_cm, length_sd_cm=one.length_sd_cm, occluded=one.occluded
    )


def _most(words: Sequence[str]) -> str:
    """The one that was said most often, of equals the first."""
    return max(words, key=Counter(words).__getitem__, default=UNSURE)


def polygon(line: F64) -> tuple[tuple[int, int], ...]:
    """An outline (M, 2) with POINTS of its corners at most, whole pixels."""
    exact = line.astype(np.float32)
    points, far = exact, 0.5
    while len(points) > POINTS:
        points = np.asarray(cv2.approxPolyDP(exact, far, True)[:, 0], np.float32)
        far *= 1.4
    return tuple((int(x), int(y)) for x, y in points.round())


def _tag(fish: Known) -> Tag:
    whole = fused(fish.looks)
    return Tag(
        HEAD,
        TAG,
        None,
        whole.score,
        fish.looks[-1].box,
        fish.id,
        fish.count,
        0.0,
        fish.state,  # type: ignore[arg-type]
        length_cm=round(whole.cm, 2),
        length_sd_cm=round(whole.sd_cm, 2),
        occluded=whole.is_occluded,
        outline=polygon(fish.looks[-1].outline),
    )


def _learned(known_ms: float, start: float) -> float:
    ms = (perf_counter() - start) * 1e3
    return ms if not known_ms else known_ms + LEARNS * (ms - known_ms)
