"""Benchmark C's videos: the truth is where the pixels are, and scripts move as they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.video import LANES, SPEEDS, TALL, WIDE, Video, moving, places, planes
from calib_data.cutouts import Thing
from calib_data.patches import Patch
from edge.pictures.regions import shared_px
from edge.records import Planes

PERCH = Thing(Path("a.png"), "fish", "perch")


def clip(script: str, x: int = 400, first: int = 0) -> Video:
    """One white thing of 100 x 60 px on grey."""
    base = planes(np.full((TALL, WIDE, 3), 90, np.uint8))
    patch = Patch(np.full((60, 100, 3), 255, np.uint8), np.ones((60, 100, 1), np.float32))
    mover = moving(patch, 0, PERCH, (x, 200), first, script)
    return Video(script, 10, base, (mover,), 0, 1)


def white(frame: Planes) -> tuple[int, int, int, int]:
    """The box around what is much brighter than the ground."""
    rows, columns = np.nonzero(frame.luma > 180)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("script", SPEEDS)
def test_the_truth_is_where_the_thing_is(script):
    made = clip(script)
    for number in (0, 7):
        assert white(made.frame(number)) == made.movers[0].box(number)
    moved = made.movers[0].box(7)[0] - made.movers[0].box(0)[0]
    assert moved == 7 * SPEEDS[script]


def test_a_thing_at_the_edge_is_cut_off_and_not_whole():
    made = clip("slow", x=-50)
    assert white(made.frame(0)) == (0, 200, 50, 260)
    assert not made.movers[0].is_whole(0)
    assert made.movers[0].is_whole(25)


def test_a_newcomer_is_not_there_before_its_frame():
    made = clip("static", first=5)
    assert not (made.frame(4).luma > 180).any()
    assert (made.frame(5).luma > 180).any()


def test_noise_is_another_one_in_each_frame_and_the_same_each_time():
    made = clip("static")
    assert np.array_equal(made.frame(3).luma, made.frame(3).luma)
    change = made.frame(3).luma.astype(int) - made.frame(4).luma
    assert 1 < change.std() < 6


@pytest.mark.parametrize("script", SPEEDS)
def test_there_are_as_many_things_as_lanes_at_the_start_and_newcomers_later(script):
    found = places(script, 600, np.random.default_rng(3))
    assert sum(first == 0 and 0 <= x < WIDE for x, _, first in found) == LANES
    assert len(found) > LANES
    assert all(x % 2 == y % 2 == 0 and 0 <= y <= TALL - 256 for x, y, _ in found)


def test_things_that_stand_do_not_stand_in_one_place():
    found = places("static", 600, np.random.default_rng(3))
    boxes = [(x, y, x + 256, y + 256) for x, y, _ in found]
    shares = [shared_px(a, b) for n, a in enumerate(boxes) for b in boxes[:n]]
    assert max(shares) == 0
