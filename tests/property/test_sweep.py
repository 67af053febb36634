"""The laws of exploration: every place has its turn, on a clock of frames."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.memory.cells import WAIT_S
from edge.memory.sweep import BACKLOG, Sweep
from edge.records import Region
from edge.schedule.plan import EXPLORING

SIDES = st.integers(250, 4000)
INPUT_PX = 96


@given(SIDES, SIDES, st.sampled_from([0.04, 0.2, 1.0, 3.0]))
def test_who_looks_at_what_is_offered_sees_each_place_within_its_time(width, height, step_s):
    """And a first frame offers everything."""
    sweep = Sweep(width, height, INPUT_PX, 0.0)
    for n in range(int(3 * WAIT_S / step_s)):
        sweep.pass_to(n * step_s)
        for item in sweep.items():
            sweep.looked(Region(*item.box, "tile"), found=False)
            sweep.explored(1.0)
        assert sweep.coverage() == 1.0
        assert sweep.oldest_s() <= WAIT_S


@given(SIDES, SIDES, st.integers(1, 4))
def test_a_few_looks_a_frame_sweep_the_frame_without_seeing_a_tile_twice(width, height, looks):
    sweep, seen = Sweep(width, height, INPUT_PX, 0.0), []
    tiles = len(sweep.items())
    for n in range(-(-tiles // looks)):
        sweep.pass_to(0.01 * n)
        for item in sweep.items()[:looks]:
            assert item.box not in seen or sweep.coverage() == 1.0
            sweep.looked(Region(*item.box, "tile"), found=False)
            sweep.explored(1.0)
            seen.append(item.box)
    assert sweep.coverage() == 1.0
    assert len(sweep.items()) <= 0.01 * n * tiles / WAIT_S + 1  # whose turn came meanwhile


@given(SIDES, SIDES, st.sampled_from([0.04, 0.2, 1.0]))
def test_where_a_glance_tells_of_things_the_turns_of_tiles_are_spread_evenly(width, height, step_s):
    """After the first frame, in which nothing was looked at: still each within its time."""
    sweep = Sweep(width, height, INPUT_PX, 0.0)
    tiles = len(sweep.items(0.1))
    for n in range(1, round(2 * WAIT_S / step_s) + 1):
        sweep.pass_to(step_s * n)
        items = sweep.items(0.1)
        assert len(items) <= tiles * step_s / WAIT_S + 1
        for item in items:
            sweep.looked(Region(*item.box, "tile"), found=False)
            sweep.explored(1.0)
        if step_s * n >= WAIT_S + step_s:
            assert sweep.oldest_s() <= WAIT_S + step_s


@given(SIDES, SIDES, st.integers(1, 3), st.floats(1.0, 5.0))
def test_however_small_the_budget_the_longest_forgotten_comes_next(width, height, looks, step_s):
    """One to three looks a frame, frames far apart: still each place within a sweep."""
    sweep = Sweep(width, height, INPUT_PX, 0.0)
    tiles = len(sweep.items())
    frames = -(-tiles // looks)
    for n in range(3 * frames):
        sweep.pass_to(step_s * n)
        for item in sweep.items()[:looks]:
            sweep.looked(Region(*item.box, "tile"), found=False)
            sweep.explored(1.0)
        if n >= frames:
            assert sweep.oldest_s() <= step_s * (frames + 1) + WAIT_S


@given(SIDES, SIDES, st.floats(5, 100), st.floats(0.5, 60))
def test_a_tenth_of_all_time_is_owed_and_no_more(width, height, frame_ms, cost_ms):
    """Spent as soon as there is enough for a look, however many frames that takes."""
    sweep, spent_ms = Sweep(width, height, INPUT_PX, 0.0), 0.0
    for frames in count(1):
        owed_ms = sweep.owed_ms(EXPLORING * frame_ms, cost_ms)
        while owed_ms >= cost_ms:
            sweep.explored(cost_ms)
            owed_ms -= cost_ms
            spent_ms += cost_ms
        due_ms = EXPLORING * frame_ms * frames
        assert due_ms - cost_ms - 1e-6 * due_ms <= spent_ms <= due_ms * (1 + 1e-6)
        if frames == 200:
            break


@given(st.floats(5, 100), st.floats(0.5, 60), st.integers(1, 1000))
def test_nothing_is_saved_up_for_long(frame_ms, cost_ms, frames):
    """A time without anything to explore gives no claim on all the time after it."""
    sweep = Sweep(3840, 2160, INPUT_PX, 0.0)
    for _ in range(frames):
        owed_ms = sweep.owed_ms(EXPLORING * frame_ms, cost_ms)
    assert owed_ms <= cost_ms + EXPLORING * frame_ms + 1e-6


def test_a_place_that_shows_nothing_new_again_and_again_is_worth_little():
    sweep = Sweep(3840, 2160, INPUT_PX, 0.0)
    first = worth(sweep, (0, 0, 280, 280))
    for n in range(20):
        sweep.pass_to(float(n))
        sweep.looked(Region(0, 0, 400, 400), found=False)
    assert worth(sweep, (0, 0, 280, 280)) < first / 4
    assert worth(sweep, (3000, 1500, 3280, 1780)) == first
    for n in range(20, 60):
        sweep.pass_to(float(n))
        sweep.looked(Region(0, 0, 400, 400), found=True)
    assert worth(sweep, (0, 0, 280, 280)) == 1.0


def test_a_small_frame_has_nothing_to_explore():
    sweep = Sweep(100, 80, INPUT_PX, 0.0)
    sweep.pass_to(100.0)
    assert sweep.is_small
    assert (sweep.items(), sweep.coverage(), sweep.oldest_s()) == ([], 1.0, 0.0)
    assert sweep.ages_s() is None


def test_ages_say_what_was_never_seen():
    sweep = Sweep(2000, 1000, INPUT_PX, 5.0)
    sweep.pass_to(7.0)
    sweep.looked(Region(0, 0, 1000, 1000), found=False)
    sweep.pass_to(8.5)
    ages = sweep.ages_s()
    assert ages is not None
    assert set(np.unique(ages)) == {1.5, np.inf}
    assert sweep.coverage() == pytest.approx(0.5)
    assert sweep.oldest_s() == 3.5


def worth(sweep, box):
    [item] = sweep.moved_items(box)
    return item.worth


@given(SIDES, SIDES)
def test_what_moved_is_shown_whole_by_what_it_is_split_into(width, height):
    """However large: a belt that moves is one area, and no one crop could show what lies on it."""
    sweep, box = Sweep(width, height, INPUT_PX, 0.0), (0, 0, width, height)
    items = sweep.moved_items(box)
    assert all(item.why == "moved" for item in items)
    boxes = np.array([item.box for item in items])
    assert (boxes[:, :2].min(0) == 0).all()
    assert (boxes[:, 2:].max(0) == (width, height)).all()
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes) >= width * height
    assert all(item.is_tile for item in items) == (items[0].box != box)


@given(SIDES, SIDES)
def test_another_scene_is_looked_at_whole_again_the_longest_forgotten_first(width, height):
    sweep = Sweep(width, height, INPUT_PX, 0.0)
    first = sweep.items()
    for item in first:
        sweep.looked(Region(*item.box, "tile"), found=True)
        sweep.explored(1.0)
    sweep.pass_to(0.2)
    assert len(sweep.items()) <= 0.2 * len(first) / WAIT_S
    sweep.wake()
    assert {item.box for item in sweep.items()} == {item.box for item in first}


@given(SIDES, SIDES, st.integers(1, 40))
def test_turns_that_were_missed_do_not_all_come_back_at_once(width, height, missed):
    """A frame with a look for each of them would be felt."""
    sweep = Sweep(width, height, INPUT_PX, 0.0)
    tiles = len(sweep.items(0.1))
    for n in range(1, missed + 1):
        sweep.pass_to(0.2 * n)
    assert len(sweep.items(0.1)) <= 0.2 * tiles / WAIT_S + BACKLOG


def test_what_moves_is_worth_the_more_the_more_often_it_was_a_thing():
    sweep = Sweep(2000, 1000, INPUT_PX, 0.0)
    here = 1200, 300, 1300, 400
    before = worth(sweep, here)
    for _ in range(10):
        sweep.looked_at_moved(found=True)
    often = worth(sweep, here)
    for _ in range(40):
        sweep.looked_at_moved(found=False)
    assert before < 0.5 * often
    assert worth(sweep, here) == before


@pytest.mark.parametrize(("finer", "sides"), [(0, {192}), (1, {192, 96}), (2, {192, 96, 48})])
def test_a_small_frame_may_have_smaller_tiles_too(finer, sides):
    sweep = Sweep(300, 200, INPUT_PX, 0.0, finer=finer)
    offered = [Region(*item.box, "tile") for item in sweep.items()]
    assert {tile.x1 - tile.x0 for tile in offered} == sides
    assert all(sweep.is_fine(tile) == (tile.x1 - tile.x0 < 192) for tile in offered)
