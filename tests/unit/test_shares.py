"""Whose turn it is and what it may cost, by example."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import pytest
from msgspec.structs import replace

from edge.schedule.plan import EXPLORING
from edge.schedule.shares import GONE, OWED, SAVED, Shares, next_turn, rested, settled, shared


def came(shares: Shares, cameras: Iterable[int], frames: int = 1) -> dict[int, int]:
    """So many more frames of each."""
    return {camera: shares.accounts[camera].came + frames for camera in cameras}


def a_period(shares: Shares, wants: dict[int, float]) -> tuple[Shares, dict[int, float]]:
    """A frame of every camera, each served: camera -> ms, in their order."""
    waiting, spent = came(shares, wants), {}
    while waiting:
        shares, turn = next_turn(shares, waiting)
        if turn is None:
            break
        spent[turn.camera] = min(wants[turn.camera], turn.allowed_ms)
        shares = settled(shares, turn, spent[turn.camera])
        del waiting[turn.camera]
    return shares, spent


def periods(shares: Shares, wants: dict[int, float], count: int) -> dict[int, float]:
    """What each had in all."""
    total = dict.fromkeys(wants, 0.0)
    for _ in range(count):
        shares, spent = a_period(shares, wants)
        for camera, ms in spent.items():
            total[camera] += ms
    return total


def test_a_camera_alone_has_it_all():
    shares = shared(1, 50.0, 20.0)
    for _ in range(5):
        shares, spent = a_period(shares, {0: inf})
        assert spent == {0: 50.0}


def test_one_of_several_that_gives_frames_has_it_all():
    shares = shared(3, 60.0, 20.0)
    for _ in range(GONE * 3 + 1):
        shares, _ = a_period(shares, {1: inf})
    assert a_period(shares, {1: inf})[1] == {1: 60.0}


def test_a_camera_that_is_back_has_its_part_again():
    shares = shared(2, 60.0)
    for _ in range(GONE * 2 + 1):
        shares, _ = a_period(shares, {1: 30.0})
    shares, _ = a_period(shares, {0: 5.0, 1: 30.0})
    assert shares.live == 2


def test_a_part_that_is_too_small_becomes_a_useful_frame_in_turn():
    """Four cameras, of which a pool pays for one useful frame: each fourth period is one's."""
    total = periods(shared(4, 100.0, 100.0), dict.fromkeys(range(4), inf), 40)
    assert all(900 <= ms <= 1100 for ms in total.values())
    assert all(ms % 100 == 0 for ms in total.values())


def test_what_one_does_not_use_others_may():
    total = periods(shared(4, 100.0), {0: inf, 1: 4.0, 2: inf, 3: 0.0}, 40)
    assert (total[1], total[3]) == (160.0, 0.0)
    assert total[0] + total[2] >= 0.95 * 96 * 40
    assert total[0] == pytest.approx(total[2], rel=0.1)


def test_who_lives_on_its_own_goes_before_who_lives_on_others():
    shares, turn = next_turn(shared(3, 90.0, 80.0), {0: 1})
    shares = settled(shares, turn, 80.0)
    assert shares.accounts[0].credit_ms == -OWED * 80.0
    shares, turn = next_turn(shares, {0: 2, 1: 1})
    shares = settled(shares, turn, 5.0)
    shares, turn = next_turn(shares, {0: 2, 1: 2})
    assert turn.camera == 1  # although 0 was served before it


def test_where_frames_were_dropped_a_turn_has_its_useful_frame_and_a_tenth_to_explore():
    shares, turn = next_turn(shared(4, 200.0, 120.0), came(shared(4), range(4)))
    assert (turn.allowed_ms, turn.exploring_ms) == (200.0, None)  # all is saved that can be
    shares = settled(shares, turn, 10.0)
    shares, turn = next_turn(shares, {1: 1, 2: 3})
    assert (turn.camera, turn.allowed_ms) == (1, 120.0)
    assert turn.exploring_ms == EXPLORING * 50.0
    shares = settled(shares, turn, 10.0)
    _, turn = next_turn(shares, {2: 3})
    assert turn.exploring_ms == EXPLORING * 150.0


def test_an_overdrawn_purse_is_filled_by_frames_that_come_and_by_time():
    shares, turn = next_turn(shared(2, 100.0), {0: 1, 1: 1})
    shares = settled(shares, turn, 10_000.0)
    assert shares.purse_ms == -100.0
    shares, turn = next_turn(shares, {1: 1})
    assert turn is None
    shares, turn = next_turn(rested(shares), {1: 1})
    assert turn is None
    shares, turn = next_turn(shares, {1: 2})
    assert turn is not None
    assert turn.camera == 1


def test_nobody_saves_more_than_two_pools():
    shares = shared(2, 100.0)
    for _ in range(20):
        shares, _ = a_period(shares, {0: 0.0, 1: 0.0})
    assert SAVED == 2
    assert (shares.purse_ms, shares.accounts[0].credit_ms) == (200.0, 200.0)


def test_no_limit_is_no_limit_for_anybody():
    shares = shared(3)
    for n in range(9):
        shares, turn = next_turn(shares, came(shares, range(3)))
        assert (turn.camera, turn.allowed_ms, turn.exploring_ms) == (n % 3, inf, None)
        shares = settled(shares, turn, 40.0)


def test_no_budget_is_none_for_everybody_and_all_have_their_turn():
    shares = shared(3, 0.0)
    for _ in range(5):
        shares, spent = a_period(shares, dict.fromkeys(range(3), 3.0))
        assert spent == dict.fromkeys(range(3), 0.0)


def test_a_pool_may_change():
    """The device grows hot."""
    shares, _ = a_period(shared(2, 100.0), {0: 10.0, 1: 10.0})
    shares, turn = next_turn(replace(shares, pool_ms=10.0), came(shares, [0, 1]))
    assert turn.allowed_ms <= 10.0
    assert settled(shares, turn, 5.0).purse_ms <= SAVED * 10.0


@pytest.mark.parametrize(("cameras", "pool_ms"), [(0, 1.0), (1, -1.0), (1, float("nan"))])
def test_what_makes_no_sense_is_refused(cameras, pool_ms):
    with pytest.raises(ValueError, match="expected"):
        shared(cameras, pool_ms)


def test_a_turn_needs_a_frame():
    with pytest.raises(ValueError, match="no camera has a frame"):
        next_turn(shared(3), {})
