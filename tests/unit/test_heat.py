"""The numbers of a glance become places."""

from __future__ import annotations

import numpy as np
import pytest

from edge.bundle.manifest import HeatMap, InputSpec, StoredFile
from edge.glance.heat import FAINT, Heat, boxes_of, read

ROWS, COLUMNS, KINDS = 9, 16, ("clothes", "mark")
SPEC = HeatMap(InputSpec(288, 512), ROWS, COLUMNS, KINDS, (), StoredFile("g.png", 1, "0"))
WIDTH, HEIGHT = 3200, 1800  # a cell is 200 x 200 px
COLD = -8.0


def glance(things: dict[tuple[int, int], tuple[float, int]]) -> Heat:
    """things: (row, column) -> logit of "clothes", side in px; each in the middle of its cell."""
    heat = np.full((ROWS, COLUMNS, 2), COLD, np.float32)
    geometry = np.zeros((ROWS, COLUMNS, 3), np.float32)
    geometry[..., :2] = 0.5
    for (y, x), (logit, side) in things.items():
        heat[y, x, 0] = logit
        geometry[y, x, 2] = np.log2(side / WIDTH)
    return read(heat.ravel(), geometry.ravel(), SPEC, WIDTH, HEIGHT)


def test_a_hot_cell_is_a_box_of_the_side_it_tells():
    [spot] = glance({(2, 3): (0.0, 120)}).spots
    assert spot.heat == pytest.approx(0.5)
    assert spot.box == pytest.approx((640, 440, 761, 561), abs=1)


def test_a_cold_frame_has_no_spots():
    seen = glance({})
    assert seen.spots == ()
    assert seen.any.shape == (ROWS, COLUMNS)
    assert seen.any.max() < FAINT


def test_the_hottest_goes_first():
    seen = glance({(1, 1): (0.0, 90), (5, 9): (2.0, 90), (7, 3): (-2.0, 90)})
    assert [round(spot.heat, 2) for spot in seen.spots] == [0.88, 0.5, 0.12]


def test_of_two_boxes_of_one_thing_the_hotter_is_kept():
    """Two cells apart, so that both are peaks, and both tell of a thing five cells long."""
    seen = glance({(4, 4): (1.0, 1000), (4, 6): (0.5, 1000)})
    assert [round(spot.heat, 2) for spot in seen.spots] == [0.73]


def test_a_mark_on_a_shirt_is_another_thing():
    seen = glance({(4, 4): (2.0, 900), (3, 6): (0.5, 60)})
    assert len(seen.spots) == 2


def test_neighbours_of_a_peak_are_no_peaks():
    seen = glance({(4, 4): (1.0, 60), (4, 5): (0.9, 60), (5, 5): (0.8, 60)})
    assert len(seen.spots) == 1


def test_connected_cells_are_one_box():
    mask = np.zeros((4, 8), np.float32)
    mask[1, 1:3] = 0.5
    mask[2, 2] = 1.0
    mask[3, 7] = 0.1
    assert list(boxes_of(mask, 80, 40)) == [(10, 10, 30, 30), (70, 30, 80, 40)]
    assert list(boxes_of(mask, 80, 40, least=0.2)) == [(10, 10, 30, 30)]
