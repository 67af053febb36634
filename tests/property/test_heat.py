"""Whatever a network says, a glance stays within the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle.manifest import HeatMap, InputSpec, StoredFile
from edge.glance.heat import FAINT, MOST, read
from edge.pictures.regions import alike

ROWS, COLUMNS, KINDS = 18, 32, ("clothes", "mark")
SPEC = HeatMap(InputSpec(288, 512), ROWS, COLUMNS, KINDS, (), StoredFile("g.png", 1, "0"))


@given(st.integers(0, 10_000), st.floats(0, 200), st.integers(1, 5000), st.integers(1, 5000))
def test_spots_lie_in_the_frame_the_hottest_first_each_thing_once(seed, size, width, height):
    rng = np.random.default_rng(seed)
    cells = ROWS * COLUMNS
    heat = (size * rng.standard_normal(cells * len(KINDS))).astype(np.float32)
    geometry = (size * rng.standard_normal(cells * 3)).astype(np.float32)
    spots = read(heat, geometry, SPEC, width, height).spots
    assert len(spots) <= MOST
    assert [s.heat for s in spots] == sorted((s.heat for s in spots), reverse=True)
    for n, spot in enumerate(spots):
        x0, y0, x1, y1 = spot.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert FAINT <= spot.heat <= 1
        assert not any(alike(spot.box, other.box) for other in spots[:n])


@pytest.mark.parametrize(("width", "is_one"), [(3840, True), (640, False)])
def test_a_spot_too_small_to_name_is_none(width, is_one):
    """A sixty-fourth of the frame: 60 px of 4K, and 10 of a small picture."""
    heat = np.full((ROWS * COLUMNS, len(KINDS)), -9, np.float32)
    heat[100] = 9
    geometry = np.tile(np.array([0.5, 0.5, -6], np.float32), (ROWS * COLUMNS, 1))
    spots = read(heat, geometry, SPEC, width, width * 9 // 16).spots
    assert [spot.heat > 0.99 for spot in spots] == [True] * is_one
