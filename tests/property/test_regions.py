"""The laws of geometry, for any size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.pictures.regions import (
    clip,
    finer_tiles,
    grid,
    is_touching,
    shared_px,
    tile_px_for,
    tile_starts,
    union,
)
from edge.records import Box

SIDE = st.integers(1, 60)
BOXES = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), SIDE, SIDE, SIDE, SIDE)


def painted(boxes: list[Box]) -> np.ndarray:
    """(200, 200) bool, True in any of the boxes."""
    canvas = np.zeros((200, 200), bool)
    for x0, y0, x1, y1 in boxes:
        canvas[y0:y1, x0:x1] = True
    return canvas


@given(length=st.integers(1, 5000), tile=st.integers(1, 5000), data=st.data())
def test_tiles_cover_every_pixel_and_keep_their_overlap(length, tile, data):
    """The first starts at 0, the last ends at the end, neighbours share at least the overlap."""
    overlap = data.draw(st.integers(0, tile - 1))
    starts = tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert min(starts[-1] + tile, length) == length
    assert starts == sorted(set(starts))
    assert all(a + tile - b >= overlap for a, b in pairwise(starts))


@given(length=st.integers(2, 5000), tile=st.integers(1, 500), data=st.data())
def test_tiles_are_as_few_as_can_be(length, tile, data):
    """One tile less could not cover the length with that overlap."""
    overlap = data.draw(st.integers(0, tile - 1))
    fewer = len(tile_starts(length, tile, overlap)) - 1
    assert fewer * tile - max(fewer - 1, 0) * overlap < length


@given(width=st.integers(1, 200), height=st.integers(1, 200), tile=st.integers(8, 90))
def test_a_grid_covers_the_frame_and_nothing_else(width, height, tile):
    """Its union is the frame."""
    tiles = grid(width, height, tile, tile // 4)
    boxes = [t.box for t in tiles]
    assert union(boxes) == (0, 0, width, height)
    assert painted(boxes).sum() == width * height
    assert len(set(boxes)) == len(boxes)
    assert all(t.kind == "tile" for t in tiles)


@given(width=st.integers(1, 12_000), height=st.integers(1, 12_000), side=st.integers(1, 640))
def test_tiles_fit_the_frame_and_magnify(width, height, side):
    """A tile lies within the frame's short side and is an input multiple unless that cuts it."""
    tile = tile_px_for(width, height, side)
    assert 0 <= tile <= min(width, height)
    assert tile in (0, 2 * side, 3 * side, min(width, height))
    if max(width, height) <= 2 * side:
        assert tile == 0


@given(BOXES, BOXES)
def test_boxes_share_what_both_paint(a, b):
    """And boxes that share a pixel touch."""
    both = painted([a]) & painted([b])
    assert shared_px(a, b) == shared_px(b, a) == both.sum()
    assert is_touching(a, b) or not both.any()


@given(BOXES, SIDE, SIDE)
def test_a_clipped_box_paints_the_part_inside(box, width, height):
    """Nothing outside is left, nothing inside is lost."""
    inside = painted([box])[:height, :width].sum()
    x0, y0, x1, y1 = clip(box, width, height)
    assert 0 <= x0 <= x1 <= width
    assert 0 <= y0 <= y1 <= height
    assert (x1 - x0) * (y1 - y0) == inside


def test_an_overlap_as_large_as_the_tile_is_refused():
    with pytest.raises(ValueError, match="expected 0 to 9"):
        tile_starts(100, 10, 10)


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(2, 400),
    st.integers(0, 80),
    st.integers(0, 2),
)
@settings(max_examples=100, deadline=None)
def test_finer_tiles_lie_in_the_frame_and_are_no_more_than_allowed(
    width: int, height: int, input_px: int, most: int, sizes: int
) -> None:
    """Each is a square of a known side, and each size covers the frame or is left out."""
    tiles = finer_tiles(width, height, input_px, most, sizes)
    assert len(tiles) <= most
    for side in {tile.x1 - tile.x0 for tile in tiles}:
        own = [t for t in tiles if t.x1 - t.x0 == side]
        assert side in (input_px, input_px // 2)[:sizes]
        assert all(t.y1 - t.y0 == side for t in own)
        assert union([t.box for t in own]) == (0, 0, width, height)
        assert sum(side * side for _ in own) >= width * height
