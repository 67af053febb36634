"""Frames to learn from: composed and rendered scenes, parts of them, and what lies in each cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from calib_data.belts import belt
from calib_data.composed import FULL, Thing, compose, mix, parted
from calib_data.rails import rail
from calib_data.shelves import shelf
from edge.pictures import pixels
from edge.records import F32, U8, Box, Region

RENDERED = {"shelf": shelf, "rail": rail, "belt": belt}
SIZES = (FULL, (1920, 1080))  # of scenes: cameras have one or the other
SHARE = 0.12  # of the scenes are rendered, where things stand close together
VIEWS = 3  # of a scene: making it takes thirty times as long as looking at it
WHOLE = 0.4  # of the frames; others are parts of scenes, where things are larger
SMALLEST = 0.25  # of a scene's side, such a part
SHOWS = 0.5  # of a thing: less of it in a part is nothing to look at
STREAM = 0x61A9CE


class Targets(msgspec.Struct, frozen=True, eq=False):
    """What a frame's cells should say."""

    heat: F32  # (rows, columns, kinds) 1 where a centre lies, less around it
    geometry: F32  # (rows, columns, 3)
    centres: F32  # (rows, columns) 1 where `geometry` is meant


class ShownThing(msgspec.Struct, frozen=True):
    """A thing in a frame."""

    box: Box
    kind: str


class Example(msgspec.Struct, frozen=True, eq=False):
    """A frame as the glance sees it, and its truth."""

    seen: U8  # (side, side, 3)
    shown: tuple[ShownThing, ...]  # boxes in frame px
    size: tuple[int, int]  # of the frame: width, height


class Order(msgspec.Struct, frozen=True):
    """What frames to make."""

    things: tuple[Thing, ...]  # those of the head "none" are distractors
    canvases: tuple[Path | None, ...]  # None: a rendered ground
    seed: int
    count: int
    side: int  # px


def examples(order: Order, part: int, count: int) -> Iterator[Example]:
    """`count` frames, the same ones for the same seed and part; VIEWS of each scene."""
    named, others = parted(order.things)
    for number in range(-(-count // VIEWS)):
        draw = np.random.default_rng([STREAM, order.seed, part, number])
        frame, shown = _scene(named, others, order.canvases, draw)
        for _ in range(min(VIEWS, count - number * VIEWS)):
            yield part_of(frame, shown, order.side, draw)


def _scene(
    named: Sequence[Thing],
    others: Sequence[Thing],
    canvases: Sequence[Path | None],
    draw: np.random.Generator,
) -> tuple[U8, list[ShownThing]]:
    if draw.random() < SHARE:
        render = RENDERED[list(RENDERED)[int(draw.integers(len(RENDERED)))]]
        scene = render(int(draw.integers(1 << 30)), (1920, 1080))
        return scene.pixels, [ShownThing(t.box, t.head) for t in scene.things]
    kind = mix()[int(draw.integers(len(mix())))]
    size = SIZES[int(draw.integers(len(SIZES)))]
    made = compose(named, others, canvases, draw, kind.count, kind.is_clustered, kind.small, size)
    return made.pixels, [ShownThing(p.box, p.head) for p in made.placed]


def part_of(
    frame: U8, shown: Sequence[ShownThing], side: int, draw: np.random.Generator
) -> Example:
    """All of a frame, or a part of it of another shape, as the runtime would shrink it."""
    height, width = frame.shape[:2]
    region = Region(0, 0, width, height, "full")
    if draw.random() >= WHOLE:
        share = float(np.exp(draw.uniform(np.log(SMALLEST), 0)))
        stretch = float(np.exp(draw.uniform(-0.4, 0.4)))
        wide, tall = min(1.0, share * stretch), min(1.0, share / stretch)
        w, h = max(side, int(width * wide)), max(side, int(height * tall))
        x, y = int(draw.integers(0, width - w + 1)), int(draw.integers(0, height - h + 1))
        region = Region(x, y, x + w, y + h)
    seen = np.empty((side, side, 3), np.uint8)
    pixels.shrink_into(frame, region, seen)
    inside, size = list(_inside(shown, region)), (region.x1 - region.x0, region.y1 - region.y0)
    if draw.random() < 0.5:
        seen, inside = np.ascontiguousarray(seen[:, ::-1]), [_mirrored(s, size[0]) for s in inside]
    return Example(seen, tuple(inside), size)


def targets(example: Example, kinds: Sequence[str], cells: int) -> Targets:
    """The truth on a grid of cells x cells. A kind that is not listed is not marked."""
    heat = np.zeros((cells, cells, len(kinds)), np.float32)
    geometry = np.zeros((cells, cells, 3), np.float32)
    centres = np.zeros((cells, cells), np.float32)
    width, height = example.size
    rows, columns = np.mgrid[0:cells, 0:cells].astype(np.float32) + 0.5
    for thing in example.shown:
        if thing.kind not in kinds:
            continue
        x0, y0, x1, y1 = thing.box
        x, y = (x0 + x1) / 2 * cells / width, (y0 + y1) / 2 * cells / height
        row, column = min(cells - 1, int(y)), min(cells - 1, int(x))
        # A cell beside the centre's is nearly as right, and the further off the larger the thing.
        spread_x = max(0.5, (x1 - x0) * cells / width / 4)
        spread_y = max(0.5, (y1 - y0) * cells / height / 4)
        away = ((columns - x) / spread_x) ** 2 + ((rows - y) / spread_y) ** 2
        near = np.exp(-away / 2)
        layer = heat[:, :, kinds.index(thing.kind)]
        np.maximum(layer, np.minimum(near, 0.99), out=layer)
        layer[row, column] = 1
        side = max(x1 - x0, y1 - y0) / max(width, height)
        geometry[row, column] = y - row, x - column, np.log2(side)
        centres[row, column] = 1
    return Targets(heat, geometry, centres)


def _inside(shown: Sequence[ShownThing], region: Region) -> Iterator[ShownThing]:
    """Things of which enough shows in a region, in its own coordinates."""
    for thing in shown:
        x0, y0 = max(thing.box[0], region.x0), max(thing.box[1], region.y0)
        x1, y1 = min(thing.box[2], region.x1), min(thing.box[3], region.y1)
        area = (thing.box[2] - thing.box[0]) * (thing.box[3] - thing.box[1])
        if x1 > x0 and y1 > y0 and (x1 - x0) * (y1 - y0) >= SHOWS * area:
            box = x0 - region.x0, y0 - region.y0, x1 - region.x0, y1 - region.y0
            yield ShownThing(box, thing.kind)


def _mirrored(thing: ShownThing, width: int) -> ShownThing:
    x0, y0, x1, y1 = thing.box
    return ShownThing((width - x1, y0, width - x0, y1), thing.kind)
