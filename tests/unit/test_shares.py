"""Whose turn it is and what it may cost, by example."""

from __future__ import annotations

from math import inf

import pytest

from edge.schedule.shares import FLOOR, Shares, next_turn, settled, shared


def a_round(shares: Shares, wants: dict[int, float]) -> tuple[Shares, dict[int, float]]:
    """Every camera takes what it wants, or what it may: camera -> ms, in their order."""
    spent = {}
    while len(spent) < len(wants):
        shares, turn = next_turn(shares, set(wants) - set(spent))
        spent[turn.camera] = min(wants[turn.camera], turn.allowed_ms)
        shares = settled(shares, turn, spent[turn.camera], wants[turn.camera] > turn.allowed_ms)
    return shares, spent


def test_a_camera_alone_has_it_all():
    shares = shared(1, 50.0)
    for _ in range(5):
        shares, spent = a_round(shares, {0: inf})
        assert spent == {0: 50.0}


def test_cameras_that_want_the_same_get_the_same():
    _, spent = a_round(shared(4, 100.0), dict.fromkeys(range(4), inf))
    assert spent == dict.fromkeys(range(4), 25.0)


def test_what_one_does_not_use_others_may():
    """From the second round on the modest go first, and the greedy share what they leave."""
    wants = {0: inf, 1: 4.0, 2: inf, 3: 0.0}
    shares, _ = a_round(shared(4, 100.0), wants)
    for _ in range(3):
        shares, spent = a_round(shares, wants)
        assert spent == {3: 0.0, 1: 4.0, 0: 48.0, 2: 48.0}
        assert list(spent) == [3, 1, 0, 2]


def test_idle_cameras_leave_everything():
    shares = shared(8, 100.0)
    for _ in range(3):
        shares, spent = a_round(shares, {5: inf})
        assert spent == {5: 100.0}


def test_a_launch_larger_than_a_share_is_made_when_enough_was_saved():
    """16 cameras, 20 ms, 2 ms a launch: 1.25 ms each would never do."""
    shares = shared(16, 20.0)
    launches = dict.fromkeys(range(16), 0)
    for _ in range(16):
        for _ in range(16):
            shares, turn = next_turn(shares, range(16))
            count = int(turn.allowed_ms // 2.0)
            launches[turn.camera] += count
            shares = settled(shares, turn, 2.0 * count, wanted_more=True)
    assert min(launches.values()) >= 4
    assert sum(launches.values()) * 2.0 <= 16 * 20.0


def test_who_had_enough_saves_nothing_up():
    shares = shared(2, 100.0)
    for _ in range(10):
        shares, _ = a_round(shares, {0: 1.0, 1: 1.0})
    assert [account.credit_ms for account in shares.accounts] == [0.0, 0.0]


def test_who_took_too_much_gets_less_the_next_time_but_never_less_than_the_floor():
    shares, turn = next_turn(shared(2, 100.0), [0, 1])
    shares = settled(shares, turn, 75.0, wanted_more=True)
    shares, turn = next_turn(shares, [1])
    assert (turn.camera, turn.allowed_ms) == (1, 25.0)
    shares = settled(shares, turn, 25.0, wanted_more=True)
    shares, turn = next_turn(shares, [0, 1])
    assert (turn.camera, turn.allowed_ms) == (1, 75.0)  # what was taken from it comes back
    shares = settled(shares, turn, 75.0, wanted_more=True)
    shares, turn = next_turn(shares, [0])
    assert (turn.camera, turn.allowed_ms) == (0, 25.0)
    shares = settled(shares, turn, 10_000.0, wanted_more=True)
    shares, turn = next_turn(shares, [1])
    shares = settled(shares, turn, 10_000.0, wanted_more=True)
    shares, turn = next_turn(shares, [0])
    assert turn.allowed_ms == FLOOR * 50.0


def test_a_round_that_is_used_up_leaves_the_floor_to_those_to_come():
    shares, turn = next_turn(shared(2, 100.0), [0, 1])
    shares = settled(shares, turn, 10_000.0, wanted_more=True)
    assert next_turn(shares, [1])[1].allowed_ms == FLOOR * 50.0


def test_what_cannot_be_saved_up_any_more_is_lost_by_all_alike():
    """Five cameras, and a launch takes half of a round: two of them a round at most."""
    shares, spent = shared(5, 1.0), [0.0] * 5
    for _ in range(400):
        shares, round_ = a_round_of_launches(shares, 0.5)
        for camera, ms in round_.items():
            spent[camera] += ms
    assert max(spent) - min(spent) <= 2.0


def a_round_of_launches(shares: Shares, launch_ms: float) -> tuple[Shares, dict[int, float]]:
    """Every camera makes as many launches as it may, and would like more."""
    spent: dict[int, float] = {}
    waiting = set(range(len(shares.accounts)))
    while waiting:
        shares, turn = next_turn(shares, waiting)
        spent[turn.camera] = turn.allowed_ms // launch_ms * launch_ms
        shares = settled(shares, turn, spent[turn.camera], wanted_more=True)
        waiting.discard(turn.camera)
    return shares, spent


def test_no_limit_is_no_limit_for_anybody():
    shares = shared(3)
    for n in range(9):
        shares, turn = next_turn(shares, range(3))
        assert (turn.camera, turn.allowed_ms) == (n % 3, inf)
        shares = settled(shares, turn, 40.0, wanted_more=False)


def test_no_budget_is_none_for_everybody():
    shares, turn = next_turn(shared(3, 0.0), range(3))
    assert turn.allowed_ms == 0.0
    assert settled(shares, turn, 3.0, wanted_more=True).accounts[0].credit_ms == 0.0


@pytest.mark.parametrize(("cameras", "pool_ms"), [(0, 1.0), (1, -1.0), (1, float("nan"))])
def test_what_makes_no_sense_is_refused(cameras, pool_ms):
    with pytest.raises(ValueError, match="expected"):
        shared(cameras, pool_ms)


def test_a_turn_needs_a_frame():
    with pytest.raises(ValueError, match="no camera has a frame"):
        next_turn(shared(3), [])
