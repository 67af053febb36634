"""Steady video for benchmark C: 4K frames made as they are asked for, with exact truth.

One photo, distractors laid on it, and things that stand, or pass from left to right in lanes; a
sensor's noise on every frame. The same seed gives the same frames. Frames are planes, as a decoder
gives them, and things lie at even places, so that colour moves with brightness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import msgspec
import numpy as np

from calib_data.composed import by_head, choose, ground, parted
from calib_data.cutouts import Thing
from calib_data.patches import Patch, distractor_patch, lay, thing_patch
from edge.records import F32, U8, Box, Planes

Rng = np.random.Generator

FPS = 5.0
WIDE, TALL = 3840, 2160
LANES = 8
SIDES_PX = (80.0, 256.0)  # longest side of a thing, log-uniform: a tile of 640 px can show them
NEWCOMER_EVERY = 100  # frames, where nothing moves
SPEEDS = {"static": 0, "slow": 2, "fast": 24}  # px a frame
NOISE = 2.0  # luma levels, standard deviation
TRIES = 60  # of things until one is found that can be named

CanName = Callable[[Planes, Box, Thing], bool]  # a frame, where the thing lies on it, the thing


class Mover(msgspec.Struct, frozen=True, eq=False):
    """A thing and its way."""

    id: int
    head: str
    tag: str
    luma: U8  # (h, w), sides even
    chroma: tuple[U8, U8]  # (h / 2, w / 2)
    alpha: F32  # (h, w) 0..1
    x: int  # left edge in frame `first`, even
    y: int
    first: int  # frame in which it is there for the first time
    speed: int  # px a frame to the right, even

    def box(self, frame: int) -> Box:
        """Where it is; it may lie outside the frame."""
        x = self.x + self.speed * (frame - self.first)
        return x, self.y, x + self.luma.shape[1], self.y + self.luma.shape[0]

    def is_whole(self, frame: int) -> bool:
        """Is all of it to be seen?"""
        x0, _, x1, _ = self.box(frame)
        return frame >= self.first and x0 >= 0 and x1 <= WIDE

    def is_seen(self, frame: int) -> bool:
        """Is any of it to be seen?"""
        x0, _, x1, _ = self.box(frame)
        return frame >= self.first and x1 > 0 and x0 < WIDE


class Video(msgspec.Struct, frozen=True, eq=False):
    """A script, ready to be played."""

    script: str
    count: int  # frames
    base: Planes
    movers: tuple[Mover, ...]
    unnamed: int  # of them, those that nobody could name even where they are cut out best
    seed: int

    def frame(self, number: int) -> Planes:
        """A fresh frame."""
        luma, chroma = self.base.luma.copy(), tuple(plane.copy() for plane in self.base.chroma)
        for mover in self.movers:
            if mover.is_seen(number):
                _paste(luma, chroma, mover, mover.box(number)[0])
        return Planes(_noisy(luma, self.seed, number), chroma)


def video(
    script: str,
    things: Sequence[Thing],
    canvases: Sequence[Path],
    count: int,
    seed: int,
    can_name: CanName,
) -> Video:
    """A script of SPEEDS with LANES things at a time, and as many distractors that stand still.

    Things are drawn until `can_name` says yes, so that what is measured is where and when somebody
    looks, and not the tagger's eyes.
    """
    draw = np.random.default_rng([0xC11B, seed, sorted(SPEEDS).index(script)])
    named, others = parted(things)
    rgb = np.ascontiguousarray(ground(list(canvases), draw, (WIDE, TALL)))
    for _ in range(LANES):
        patch = distractor_patch(others, list(canvases), _side(draw), draw)
        wide, tall = patch.size
        lay(rgb, patch, int(draw.integers(WIDE - wide)), int(draw.integers(TALL - tall)))
    base = planes(rgb)
    groups, movers, unnamed = by_head(named), [], 0
    for x, y, first in places(script, count, draw):
        mover, is_named = _mover(base, groups, len(movers), (x, y), first, script, draw, can_name)
        movers.append(mover)
        unnamed += not is_named
    return Video(script, count, base, tuple(movers), unnamed, seed)


def places(script: str, count: int, draw: Rng) -> list[tuple[int, int, int]]:
    """x, y, first frame of every thing: a lane each for those there from the start; then newcomers.

    What passes is followed by the next one as it leaves; what stands is joined by one every
    NEWCOMER_EVERY frames.
    """
    speed = SPEEDS[script]
    pitch, margin = TALL // LANES, int(SIDES_PX[1])
    found = []
    for lane in range(LANES):
        y = lane * pitch + int(draw.integers(0, (pitch - margin) // 2 + 1)) * 2
        x = int(draw.integers(0, (WIDE - margin) // 2)) * 2
        found.append((x, y, 0))
        while speed and x + speed * count > WIDE:
            x -= WIDE
            found.append((x, y, 0))
    if not speed:
        for n, first in enumerate(range(NEWCOMER_EVERY // 2, count, NEWCOMER_EVERY)):
            y = found[n % LANES][1]
            taken = [x for x, other, _ in found if other == y]
            found.append((_free(taken, draw), y, first))
    return found


def planes(rgb: U8) -> Planes:
    """(H, W, 3), sides even -> its planes."""
    height, width = rgb.shape[:2]
    i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return Planes(np.ascontiguousarray(i420[:height]), (u.copy(), v.copy()))


def _mover(
    base: Planes,
    groups: Sequence[Sequence[Thing]],
    number: int,
    at: tuple[int, int],
    first: int,
    script: str,
    draw: Rng,
    can_name: CanName,
) -> tuple[Mover, bool]:
    """A thing for a place, and whether it can be named."""
    for _ in range(TRIES):
        thing = choose(groups, draw)
        made = moving(thing_patch(thing, _side(draw), draw), number, thing, at, first, script)
        x = min(max(0, made.x), WIDE // 2)  # where it will be in full view
        luma, chroma = base.luma.copy(), tuple(plane.copy() for plane in base.chroma)
        _paste(luma, chroma, made, x)
        box = (x, made.y, x + made.luma.shape[1], made.y + made.luma.shape[0])
        if can_name(Planes(luma, chroma), box, thing):
            return made, True
    return made, False


def moving(
    patch: Patch, number: int, thing: Thing, at: tuple[int, int], first: int, script: str
) -> Mover:
    """A patch as planes with even sides."""
    wide, tall = (side // 2 * 2 for side in patch.size)
    parts = planes(np.ascontiguousarray(patch.pixels[:tall, :wide]))
    alpha = np.ascontiguousarray(patch.alpha[:tall, :wide, 0])
    u, v = parts.chroma
    where = {"x": at[0], "y": at[1], "first": first, "speed": SPEEDS[script]}
    return Mover(number, thing.head, thing.tag, parts.luma, (u, v), alpha, **where)


def _paste(luma: U8, chroma: Sequence[U8], mover: Mover, x: int) -> None:
    """Lay a thing with its left edge at x, cut off at the frame's edges; in place."""
    _blend(luma, mover.luma, mover.alpha, x, mover.y)
    half = cv2.resize(mover.alpha, mover.chroma[0].shape[::-1], interpolation=cv2.INTER_AREA)
    for plane, part in zip(chroma, mover.chroma):
        _blend(plane, part, half, x // 2, mover.y // 2)


def _blend(plane: U8, part: U8, alpha: F32, x: int, y: int) -> None:
    left, right = max(0, -x), min(part.shape[1], plane.shape[1] - x)
    under = plane[y : y + part.shape[0], x + left : x + right]
    over, share = part[:, left:right].astype(np.float32), alpha[:, left:right]
    under[...] = (under + (over - under) * share + 0.5).astype(np.uint8)


def _noisy(luma: U8, seed: int, number: int) -> U8:
    """With a sensor's noise, another one in each frame; a fresh array."""
    y, x = (int(v) for v in np.random.default_rng([seed, number]).integers(0, 128, 2))
    sheet = _sheet()[y : y + TALL, x : x + WIDE]
    share = NOISE / 32
    return np.asarray(cv2.addWeighted(luma, 1.0, sheet, share, -128 * share), np.uint8)


@lru_cache(maxsize=1)
def _sheet() -> U8:
    """Grey 128 with sigma 32, somewhat larger than a frame."""
    sheet = np.empty((TALL + 128, WIDE + 128), np.uint8)
    cv2.setRNGSeed(1)
    cv2.randn(sheet, 128, 32)
    return sheet


def _side(draw: Rng) -> float:
    low, high = np.log(SIDES_PX)
    return float(np.exp(draw.uniform(low, high)))


def _free(taken: Sequence[int], draw: Rng) -> int:
    """An even place in a lane, far from the others."""
    tried = [int(draw.integers(0, (WIDE - int(SIDES_PX[1])) // 2)) * 2 for _ in range(50)]
    return max(tried, key=lambda x: min(abs(x - other) for other in taken))
