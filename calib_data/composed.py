"""Scenes put together from real pictures, with exact boxes: small things on large photos.

Half of what is pasted is a distractor. Everything is drawn from a numpy Generator: the same seed,
pictures and order give the same pixels. All px are of a frame 3840 px wide, and shrink with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import msgspec
import numpy as np

from calib_data import backdrops
from calib_data.cutouts import Thing, canvas_files, parted, photo, read_things
from calib_data.patches import distractor_patch, lay, thing_patch
from edge.records import U8, Box

__all__ = [
    "Composed",
    "Kind",
    "Placed",
    "Thing",
    "canvas_files",
    "compose",
    "mix",
    "parted",
    "read_things",
    "scenes",
]

Rng = np.random.Generator
FULL = (3840, 2160)
SIDE_PX = (24.0, 160.0)  # longest side of what is pasted
SMALL_PX = 48.0  # the upper end in scenes of small things
CLUSTER, SPREAD_PX = 4, 160.0  # things a cluster, standard deviation from its middle
GAP_PX = 2  # between two boxes, whatever the frame's size
TRIES = 400
ROLL_PX = 64  # by how much the one sheet of noise is shifted
COUNTS = (3, 8, 16)
STREAM = 0x5CE7E5  # keeps these seeds apart from other uses of the same number


class Placed(msgspec.Struct, frozen=True):
    """A thing in a scene."""

    box: Box  # of all its pixels, half-open, frame px
    head: str
    tag: str
    file: Path


class Kind(msgspec.Struct, frozen=True):
    """What sort of scene."""

    count: int  # things, and as many distractors
    is_clustered: bool
    small: bool  # things of 24 to 48 px, else up to 160


class Composed(msgspec.Struct, frozen=True, eq=False):
    """A scene and its truth."""

    pixels: U8  # (H, W, 3) RGB
    placed: tuple[Placed, ...]
    distractors: tuple[Box, ...]
    kind: Kind


def mix() -> list[Kind]:
    """The twelve kinds of scenes, which the benchmark holds in equal shares."""
    return [Kind(c, k, s) for c in COUNTS for k in (True, False) for s in (True, False)]


def scenes(
    things: Sequence[Thing],
    canvases: Sequence[Path | None],
    seed: int,
    count: int,
    size: tuple[int, int] = FULL,
) -> Iterator[Composed]:
    """`count` scenes, the kinds in turn. Things of the head "none" are used as distractors.

    No two pairs of a seed and a number give the same stream of draws, so other seeds are others.
    """
    named, others = parted(things)
    kinds = mix()
    for number in range(count):
        kind = kinds[number % len(kinds)]
        draw = np.random.default_rng([STREAM, seed, number])
        yield compose(
            named, others, canvases, draw, kind.count, kind.is_clustered, kind.small, size
        )


def compose(
    things: Sequence[Thing],
    distractors: Sequence[Thing],
    canvases: Sequence[Path | None],
    draw: Rng,
    count: int,
    is_clustered: bool,
    small: bool,
    size: tuple[int, int] = FULL,
) -> Composed:
    """One scene: `count` things and as many distractors on a part of a photo, none over another.

    canvases  photos; None among them, or none at all: a rendered ground
    small     longest sides of 24 to 48 px, else 24 to 160, log-uniform; of a frame 3840 px wide

    Raises ValueError when there are no things, or no room for so many.
    """
    if not things:
        raise ValueError("things is empty, expected 1 or more")
    scale = max(size) / max(FULL)
    frame = ground(canvases, draw, size)
    groups = by_head(things)
    chosen = [choose(groups, draw) for _ in range(count)]
    sides = _sides(2 * count, small, scale, draw)
    patches = [thing_patch(t, side, draw, scale) for t, side in zip(chosen, sides)]
    patches += [
        distractor_patch(distractors, canvases, side, draw, scale) for side in sides[count:]
    ]
    boxes = arrange([p.size for p in patches], size, count if is_clustered else 0, draw)
    for n in draw.permutation(2 * count):
        lay(frame, patches[n], *boxes[n][:2], match=float(draw.uniform(0, 0.5)))
    placed = [Placed(box, t.head, t.tag, t.file) for box, t in zip(boxes, chosen)]
    kind = Kind(count, is_clustered, small)
    return Composed(grained(frame, draw), tuple(placed), tuple(boxes[count:]), kind)


def by_head(things: Iterable[Thing]) -> list[list[Thing]]:
    """The things of each head, the heads by name."""
    groups: dict[str, list[Thing]] = {}
    for thing in things:
        groups.setdefault(thing.head, []).append(thing)
    return [groups[head] for head in sorted(groups)]


def choose(groups: Sequence[Sequence[Thing]], draw: Rng) -> Thing:
    """Each group as often as any other, then each of its things."""
    group = groups[draw.integers(len(groups))]
    return group[draw.integers(len(group))]


def ground(canvases: Sequence[Path | None], draw: Rng, size: tuple[int, int]) -> U8:
    """A background of `size` (width, height): a part of a photo, mirrored and relit at random."""
    file = canvases[draw.integers(len(canvases))] if canvases else None
    rgb = _rendered(draw, size) if file is None else _part(photo(file), draw, size)
    if draw.random() < 0.5:
        rgb = rgb[:, ::-1]
    gain, gamma = draw.uniform(0.75, 1.15), np.exp(draw.uniform(-0.25, 0.25))
    curve = 255 * (np.arange(256) / 255) ** gamma * gain
    lit = cv2.LUT(np.ascontiguousarray(rgb), np.clip(curve + 0.5, 0, 255).astype(np.uint8))
    shrinks = lit.shape[1] > size[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(lit, size, interpolation=how), np.uint8)


def arrange(
    sizes: Sequence[tuple[int, int]], frame: tuple[int, int], clustered: int, draw: Rng
) -> list[Box]:
    """A box for each size (width, height), none over another, all inside the frame.

    clustered   0: anywhere. Else how many of the first belong together in clusters of CLUSTER; the
                others form clusters of their own.
    """
    middles: list[tuple[float, float] | None] = [None] * len(sizes)
    if clustered:
        groups = [
            (n // CLUSTER) if n < clustered else -1 - (n - clustered) // CLUSTER
            for n in range(len(sizes))
        ]
        centre = {g: _anywhere((0, 0), frame, draw) for g in dict.fromkeys(groups)}
        middles = [centre[g] for g in groups]
    boxes: list[Box] = []
    for wanted, middle in zip(sizes, middles):
        boxes.append(_free(wanted, frame, middle, boxes, draw))
    return boxes


def grained(frame: U8, draw: Rng) -> U8:
    """With a sensor's noise, sigma 0.5 to 4 grey levels; a fresh array."""
    height, width = frame.shape[:2]
    y, x = (int(v) for v in draw.integers(0, ROLL_PX, 2))
    sheet = _noise(height, width)[y : y + height, x : x + width]
    share = float(draw.uniform(0.5, 4.0)) / 32
    return np.asarray(cv2.addWeighted(frame, 1.0, sheet, share, -128 * share), np.uint8)


@lru_cache(maxsize=4)
def _noise(height: int, width: int) -> U8:
    """Grey 128 with sigma 32, some px larger than a frame; the same for every scene."""
    sheet = np.empty((height + ROLL_PX, width + ROLL_PX, 3), np.uint8)
    cv2.setRNGSeed(1)
    cv2.randn(sheet, 128, 32)
    return sheet


def _sides(count: int, small: bool, scale: float, draw: Rng) -> list[float]:
    """Longest sides in px, log-uniform."""
    low, high = SIDE_PX[0], SMALL_PX if small else SIDE_PX[1]
    drawn = np.exp(draw.uniform(math.log(low), math.log(high), count))
    return [max(3.0, float(side) * scale) for side in drawn]


def _part(rgb: U8, draw: Rng, size: tuple[int, int]) -> U8:
    """A part of a photo with the aspect of `size`, 60 to 100 % of the largest there is."""
    height, width = rgb.shape[:2]
    fitting = min(width / size[0], height / size[1]) * draw.uniform(0.6, 1.0)
    w, h = max(1, int(size[0] * fitting)), max(1, int(size[1] * fitting))
    x, y = int(draw.integers(width - w + 1)), int(draw.integers(height - h + 1))
    return rgb[y : y + h, x : x + w]


def _rendered(draw: Rng, size: tuple[int, int]) -> U8:
    """A wall, planks, tiles, a sheet or a belt, drawn at a quarter of a 4K frame's width."""
    wide = min(size[0], 960)
    tall = max(1, round(size[1] * wide / size[0]))
    drawn = backdrops.mixed_ground(draw, tall, wide, "wall wood tiles bed belt")
    return (np.clip(drawn, 0, 1) * 255 + 0.5).astype(np.uint8)


def _anywhere(
    wanted: tuple[float, float], frame: tuple[int, int], draw: Rng
) -> tuple[float, float]:
    """An upper left corner that keeps the whole thing inside."""
    x, y = draw.random(2)
    return x * (frame[0] - wanted[0]), y * (frame[1] - wanted[1])


def _free(
    wanted: tuple[int, int],
    frame: tuple[int, int],
    middle: tuple[float, float] | None,
    taken: Sequence[Box],
    draw: Rng,
) -> Box:
    """A box of that size over nothing else; near `middle`, and farther off the longer it takes."""
    width, height = wanted
    spread = SPREAD_PX * max(frame) / max(FULL)
    for tried in range(TRIES):
        x, y = _anywhere(wanted, frame, draw)
        if middle is not None and tried < TRIES // 2:
            away = draw.normal(0, spread * (1 + tried / 40), 2)
            x, y = middle[0] + away[0] - width / 2, middle[1] + away[1] - height / 2
        box = (int(x), int(y), int(x) + width, int(y) + height)
        inside = x >= 0 and y >= 0 and box[2] <= frame[0] and box[3] <= frame[1]
        if inside and not any(_is_near(box, other) for other in taken):
            return box
    raise ValueError(
        f"{len(taken) + 1} things do not fit on {frame[0]} x {frame[1]} px, expected fewer"
    )


def _is_near(a: Box, b: Box) -> bool:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return across > -GAP_PX and down > -GAP_PX
