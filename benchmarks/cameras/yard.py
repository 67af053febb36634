"""A camera's minute: 1080p frames of a yard that somebody crosses now and then, with exact truth.

Nothing moves but what crosses. The same seed gives the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import msgspec
import numpy as np

from benchmarks.judging import Truth
from edge.pictures.regions import clip, shared_px
from edge.records import U8, Box, Planes

WIDE, TALL = 1920, 1080
FPS = 5.0
ACTIVE = 0.2  # of the time
VISIT_S = 6.0  # as long as a crossing takes
SIDES_PX = (100, 200)  # of a thing: a tile of 640 px shows it with 35 px or more of 224
A_VISIT, A_NOISY_VISIT = 2, 8  # things
TAGS = tuple("abcdefghijkl")
HEAD = "kind"
SEEN = 0.9  # of what looks like a thing, by a glance
FALSE, FALSE_PX = 2, 120  # places of a camera that look like things and are none: a bin, a bush
# Pictures of the empty yard, which differ in their noise. A prime: no rhythm in which a camera may
# be served meets the same noise again and again, as no camera's does.
GROUNDS = 17
NOISE = 2.0  # luma levels, standard deviation


class Crossing(msgspec.Struct, frozen=True):
    """A thing on its way from one side to the other."""

    id: int
    tag: int  # its place in TAGS
    side: int  # px
    y: int
    begin_s: float
    is_leftward: bool

    def box(self, at_s: float) -> Box:
        """Where it is; it may lie outside the frame."""
        gone = (at_s - self.begin_s) / VISIT_S
        x = round(-self.side + (WIDE + self.side) * (1 - gone if self.is_leftward else gone))
        return x, self.y, x + self.side, self.y + self.side


class Scene(msgspec.Struct, frozen=True):
    """What a tagger could make of a frame."""

    there: Sequence[tuple[Crossing, Box]] = ()
    false: Sequence[Box] = ()  # what it takes for things, and is none
    chance: tuple[int, ...] = ()  # its own: the same frame shows the same to whoever looks


class Yard(msgspec.Struct, frozen=True):
    """One camera's."""

    crossings: tuple[Crossing, ...]
    phase_s: float  # when its first frame comes
    seed: int

    def at_s(self, number: int) -> float:
        """When a frame is taken."""
        return self.phase_s + number / FPS

    def there(self, at_s: float) -> list[Crossing]:
        """Of which anything is to be seen."""
        frame = (0, 0, WIDE, TALL)
        return [c for c in self.crossings if shared_px(c.box(at_s), frame) > 0]

    def truths(self, at_s: float) -> list[Truth]:
        """Of which all is to be seen."""
        boxes = [(c, c.box(at_s)) for c in self.there(at_s)]
        return [
            Truth(c.id, HEAD, TAGS[c.tag], box)
            for c, box in boxes
            if box[0] >= 0 and box[2] <= WIDE
        ]

    def scene(self, number: int) -> Scene:
        """A still place looks in each of the few grounds as it always does."""
        at_s = self.at_s(number)
        places = np.random.default_rng([0xFA, self.seed])
        grounds = places.random((FALSE, GROUNDS)) < SEEN
        corners = (places.random((FALSE, 2)) * (WIDE - FALSE_PX, TALL - FALSE_PX)).astype(int)
        boxes = [(x, y, x + FALSE_PX, y + FALSE_PX) for x, y in corners.tolist()]
        false = [box for box, seen in zip(boxes, grounds) if seen[number % GROUNDS]]
        return Scene([(c, c.box(at_s)) for c in self.there(at_s)], false, (self.seed, number))

    def picture(self, number: int) -> Planes:
        """A fresh frame."""
        luma = _ground(number % GROUNDS).copy()
        for crossing in self.there(self.at_s(number)):
            x0, y0, x1, y1 = crossing.box(self.at_s(number))
            left, right = max(0, -x0), crossing.side - max(0, x1 - WIDE)
            luma[y0:y1, x0 + left : x0 + right] = _pattern(crossing)[:, left:right]
        return Planes(luma, _grey())


def yard(camera: int, seconds: float, seed: int, *, is_noisy: bool = False) -> Yard:
    """A camera with a visit in each VISIT_S / ACTIVE seconds, at a time of its own; a noisy one is
    never without, and has four times as many things.
    """
    draw = np.random.default_rng([0xF, seed, camera])
    phase_s = float(draw.uniform(0, 1 / FPS))
    every_s = VISIT_S if is_noisy else VISIT_S / ACTIVE
    found: list[Crossing] = []
    start_s = -float(draw.uniform(0, every_s))
    while start_s < seconds:
        for lane in _lanes(A_NOISY_VISIT if is_noisy else A_VISIT, draw):
            side = int(draw.integers(*SIDES_PX)) // 2 * 2
            y = int(min(lane, TALL - side)) // 2 * 2
            begin_s, tag = start_s + float(draw.uniform(0, 1)), int(draw.integers(len(TAGS)))
            left = bool(draw.integers(2))
            found.append(Crossing(len(found), tag, side, y, begin_s, left))
        start_s += every_s
    return Yard(tuple(found), phase_s, seed * 1000 + camera)


def _lanes(count: int, draw: np.random.Generator) -> list[float]:
    """As many heights, none above another, in any order."""
    pitch = TALL / max(count, 5)
    return [float(lane * pitch) for lane in draw.permutation(max(count, 5))[:count]]


def inside_frame(box: Box) -> Box:
    """The part of it that is to be seen."""
    return clip(box, WIDE, TALL)


@lru_cache(maxsize=GROUNDS)
def _ground(which: int) -> U8:
    """Grey, uneven, with a sensor's noise."""
    draw = np.random.default_rng(7)
    coarse = draw.integers(90, 150, (9, 16)).astype(np.float32)
    luma = cv2.resize(coarse, (WIDE, TALL), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(which).normal(0, NOISE, (TALL, WIDE))
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


@lru_cache(maxsize=256)
def _pattern(crossing: Crossing) -> U8:
    spots = np.random.default_rng(crossing.id + 1).integers(16, 236, (6, 6), np.uint8)
    return np.asarray(cv2.resize(spots, (crossing.side, crossing.side)), np.uint8)


@lru_cache(maxsize=1)
def _grey() -> tuple[U8, U8]:
    plane = np.full((TALL // 2, WIDE // 2), 128, np.uint8)
    return plane, plane
