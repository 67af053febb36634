"""When each part of a frame was looked at, and what is found there."""

from __future__ import annotations

import numpy as np
import pytest

from edge.memory.cells import (
    NEVER,
    WAIT_S,
    Cells,
    after_look,
    ages_s,
    all_ages_s,
    all_rates,
    cells_of_boxes,
    covered,
    oldest_s,
    rate,
    unseen,
)
from edge.records import Box, Region

SIZE = 200, 100
LEFT, RIGHT = Region(0, 0, 100, 100), Region(100, 0, 200, 100)


def after(*looks: tuple[Region, bool, float]) -> Cells:
    cells = unseen(4, 8)
    for region, found, at_s in looks:
        cells = after_look(cells, region, found, at_s, *SIZE)
    return cells


def age_s(cells: Cells, box: Box, at_s: float) -> float:
    """Of one box."""
    return float(all_ages_s(cells, cells_of_boxes([box], *cells.shape, *SIZE), at_s)[0])


def test_before_any_look_everything_is_as_old_as_can_be():
    cells = unseen(4, 8)
    assert cells.shape == (4, 8)
    assert age_s(cells, (0, 0, 200, 100), 7.0) == np.inf
    assert covered(cells, 7.0, WAIT_S) == 0.0
    assert oldest_s(cells, 7.0, began_s=2.0) == 5.0
    assert np.isinf(ages_s(cells, 7.0)).all()


def test_a_look_makes_its_part_young():
    cells = after((LEFT, False, 3.0))
    assert age_s(cells, LEFT.box, 7.0) == 4.0
    assert age_s(cells, RIGHT.box, 7.0) == np.inf
    assert covered(cells, 7.0, 5.0) == 0.5
    assert covered(cells, 9.0, 5.0) == 0.0


def test_a_part_is_as_old_as_its_oldest_cell():
    cells = after((LEFT, False, 3.0), (RIGHT, False, 5.0))
    assert age_s(cells, (60, 0, 140, 100), 7.0) == 4.0
    assert oldest_s(cells, 7.0, 0.0) == 4.0


def test_a_box_smaller_than_a_cell_is_the_cell_it_lies_in():
    cells = after((Region(30, 30, 33, 33), False, 1.0))
    rows, columns = np.nonzero(cells.looked_s > NEVER)
    assert (rows.tolist(), columns.tolist()) == ([1], [1])


@pytest.mark.parametrize("box", [(199, 99, 200, 100), (0, 0, 1, 1), (0, 0, 200, 100)])
def test_every_box_of_the_frame_has_a_cell(box: Box):
    assert age_s(after((Region(*box), False, 1.0)), box, 2.0) == 1.0


def test_where_looks_found_something_another_will():
    good = after(*[(LEFT, True, float(n)) for n in range(10)])
    bad = after(*[(LEFT, False, float(n)) for n in range(10)])
    assert rate(good, LEFT.box, *SIZE) > 0.7
    assert rate(bad, LEFT.box, *SIZE) < 0.03
    assert rate(good, RIGHT.box, *SIZE) == pytest.approx(0.1)


def test_shops_are_rearranged():
    """What was found long ago counts for less than what was found of late."""
    cells = after(*[(LEFT, n < 60, float(n)) for n in range(120)])
    assert rate(cells, LEFT.box, *SIZE) < 0.3


def test_boxes_together_have_the_rates_that_each_has_alone():
    cells = after((LEFT, True, 1.0), (LEFT, True, 2.0), (RIGHT, False, 3.0))
    boxes = [LEFT.box, RIGHT.box, (0, 0, *SIZE), (1, 1, 2, 2)]
    alone = [rate(cells, box, *SIZE) for box in boxes]
    together = all_rates(cells, cells_of_boxes(boxes, *cells.shape, *SIZE))
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_the_cells_before_a_look_stay_as_they_were():
    cells = unseen(4, 8)
    after_look(cells, LEFT, True, 1.0, *SIZE)
    assert (cells.looked_s == NEVER).all()
