"""Whatever a network says, a glance stays within the frame."""

from __future__ import annotations

import numpy as np
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
