"""Rectangles of a frame: a grid of tiles, and what two boxes share. Geometry only, integers only.

A box is (x0, y0, x1, y1) in frame pixels, half-open: x0 <= x < x1.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.records import Box, Region

DETAIL = 3  # a thing so many times smaller than what it lies in is another thing


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Offsets of the fewest tiles that cover `length`, evenly spread. All in px.

    Every tile is exactly `tile` long, unless the frame itself is shorter. Neighbours share at least
    `overlap`. Raises ValueError for an overlap that is not smaller than the tile.
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap is {overlap} px, expected 0 to {tile - 1} for {tile} px tiles")
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))  # ceiling division
    return [i * (length - tile) // (count - 1) for i in range(count)]


def grid(width: int, height: int, tile_px: int, overlap_px: int) -> list[Region]:
    """Tiles that cover the frame, row by row. A frame narrower than a tile gives narrower tiles."""
    columns = tile_starts(width, tile_px, overlap_px)
    return [
        Region(x, y, min(x + tile_px, width), min(y + tile_px, height), "tile")
        for y in tile_starts(height, tile_px, overlap_px)
        for x in columns
    ]


def tile_px_for(width: int, height: int, input_px: int) -> int:
    """Side of the tiles for a frame and a square model input, all in px; 0 when none would help.

    A tile is 2 inputs wide (3 on frames with plenty of pixels): cut at 1 input, the number of tiles
    grows fourfold and most of them hold a piece of a thing. A frame of up to 2 inputs is seen well
    enough by the glance, and a strip thinner than a quarter of the input has nothing to magnify.
    """
    short, long = min(width, height), max(width, height)
    if long <= 2 * input_px or short < max(1, input_px // 4):
        return 0
    return min((3 if short >= 6 * input_px else 2) * input_px, short)


def finer_tiles(width: int, height: int, input_px: int, most: int, sizes: int) -> list[Region]:
    """Tiles of one input and, if `sizes` is 2, of half of one, for things far smaller than a tile:
    each size in full, or not at all where that would be more than `most` tiles together.
    """
    found: list[Region] = []
    for side in (input_px, input_px // 2)[:sizes]:
        is_new = side < tile_px_for(width, height, input_px) or side < max(width, height) / 2
        if side > min(width, height) or side < 1 or not is_new:
            continue
        tiles = grid(width, height, side, overlap_px_for(side))
        if len(found) + len(tiles) > most:
            break
        found += tiles
    return found


def overlap_px_for(tile_px: int) -> int:
    """How far neighbours overlap: a thing of up to a quarter tile is whole in one of them."""
    return tile_px // 4


def clip(box: Box, width: int, height: int) -> Box:
    """The part of `box` inside the frame; empty (x0 == x1 or y0 == y1) when there is none."""
    x0, y0 = min(max(box[0], 0), width), min(max(box[1], 0), height)
    return x0, y0, min(max(box[2], x0), width), min(max(box[3], y0), height)


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of them. Raises ValueError when there is none."""
    if not boxes:
        raise ValueError("a union of no boxes was asked for, expected at least one")
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def area(box: Box) -> int:
    """px."""
    return (box[2] - box[0]) * (box[3] - box[1])


def shared_px(a: Box, b: Box) -> int:
    """How many pixels lie in both boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def shared(a: Box, b: Box) -> float:
    """The area in both boxes over the smaller one's, 0..1."""
    return shared_px(a, b) / max(1, min(area(a), area(b)))


def within(a: Box, b: Box) -> float:
    """The share of `a` that lies in `b`, 0..1."""
    return shared_px(a, b) / max(1, area(a))


def overlap(a: Box, b: Box) -> float:
    """The area in both boxes over the area of both, 0..1."""
    both = shared_px(a, b)
    return both / max(1, area(a) + area(b) - both)


def alike(a: Box, b: Box) -> bool:
    """Could be two boxes of one thing: half of the smaller lies in the other, and neither is a
    detail of the other, like the mark on a shirt.
    """
    return shared(a, b) >= 0.5 and is_like_in_size(a, b)


def is_like_in_size(a: Box, b: Box) -> bool:
    """Neither is a detail of the other."""
    sides = sorted((max(a[2] - a[0], a[3] - a[1]), max(b[2] - b[0], b[3] - b[1])))
    return sides[1] <= DETAIL * sides[0]


def is_touching(a: Box, b: Box) -> bool:
    """True when the boxes overlap or share a piece of an edge; a corner is not enough."""
    if a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]:
        return False  # as most are
    return (a[0] < b[2] and b[0] < a[2]) or (a[1] < b[3] and b[1] < a[3])
