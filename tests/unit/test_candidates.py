"""What could be looked at, by example: a 4K frame and a 224 px input."""

from __future__ import annotations

import numpy as np
import pytest

from edge.schedule.candidates import (
    RIGHT,
    SHARE,
    Item,
    candidates,
    crop_around,
    moved_boxes,
    question_of,
    sees,
    unexplained,
)

FRAME = 3840, 2160


def around(x: int, y: int, side: int) -> tuple[int, int, int, int]:
    return x - side // 2, y - side // 2, x + side // 2, y + side // 2


@pytest.mark.parametrize(("side", "crop"), [(12, 24), (20, 24), (60, 64), (134, 142), (600, 632)])
def test_a_crop_is_tight_and_not_tiny(side, crop):
    region = crop_around(around(1000, 1000, side), *FRAME)
    assert region.box == around(1000, 1000, crop)


def test_a_crop_at_the_edge_is_moved_inside():
    assert crop_around((0, 2100, 60, 2160), *FRAME).box == (0, 2096, 64, 2160)


def test_a_frame_smaller_than_the_crop_is_the_crop():
    assert crop_around((0, 0, 300, 90), 300, 90).box == (0, 0, 300, 90)


def seen(*items: Item):
    return sees(items, candidates(items, *FRAME))


def test_a_thing_alone_in_its_crop_is_told_as_often_as_it_is_large_enough():
    """One fills its crop nearly, the other half of the least there is."""
    found = seen(Item(around(500, 500, 90), 1, "heat"), Item(around(1500, 500, 12), 1, "heat"))
    assert found[0, 0] == pytest.approx(RIGHT[-1], abs=0.03)
    assert found[1, 1] == pytest.approx(RIGHT[SHARE.index(0.5)], abs=0.03)
    assert found[0, 1] == found[1, 0] == 0


def test_of_two_things_in_a_crop_the_larger_one_is_told_more_often():
    large, small = Item(around(500, 500, 90), 1, "heat"), Item(around(520, 500, 30), 1, "heat")
    found = seen(large, small)
    assert found[0, 0] == pytest.approx(RIGHT[-1] * 0.9, abs=0.03)
    assert found[0, 1] == 0


def test_a_look_at_a_thing_is_a_look_at_the_area_around_it():
    items = [
        Item(around(500, 500, 90), 1, "heat"),
        Item((0, 0, 672, 672), 0.1, "aged"),
        Item((1344, 0, 2016, 672), 0.1, "aged"),
    ]
    found = seen(*items)
    row = [c.item for c in candidates(items, *FRAME)].index(0)
    assert found[row, 1] == pytest.approx((95 / 672) ** 2)
    assert found[row, 2] == 0


def test_nothing_to_look_at_is_no_candidate():
    assert candidates([], *FRAME) == ()
    assert sees([], ()).shape == (0, 0)


def test_arrays_say_what_the_items_say():
    items = [Item((0, 0, 9, 9), 0.5, "track", -2.0, 7), Item((0, 0, 672, 672), 0.1, "aged", 3.0)]
    found = candidates(items, *FRAME)
    question = question_of(items, found, 2.5)
    assert [c.item for c in found] == [1, 0]  # the overdue one first
    assert question.worth.tolist() == pytest.approx([0.5, 0.1])
    assert question.due.tolist() == [3.0, -2.0]
    assert question.explores.tolist() == [True, False]
    assert question.costs_ms.tolist() == [2.5, 2.5]


def test_what_moved_without_a_thing_that_explains_it():
    motion = np.zeros((24, 24), np.float32)
    motion[2:4, 3:5] = 1.0
    motion[20, 20] = 0.4
    found = moved_boxes(motion, [(3200, 1800, 3360, 1890)], *FRAME)
    assert found == [(480, 180, 800, 360)]


@pytest.mark.parametrize(
    ("known", "explains"),
    [((0, 0, 100, 50), True), ((40, 0, 60, 50), True), ((65, 0, 165, 50), True),
     ((80, 0, 130, 50), False), ((100, 0, 200, 50), False)],
)  # fmt: skip
def test_a_thing_explains_what_moves_where_it_is_not_beside_it(known, explains):
    assert unexplained([(0, 0, 100, 50)], [known]) == ([] if explains else [(0, 0, 100, 50)])
