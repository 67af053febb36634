"""Looks that can wait do, none for ever, and none that cannot."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.schedule.candidates import Item
from edge.schedule.steady import smoothed_demand, steady

WHY = st.sampled_from(["track", "heat", "moved", "part"])
ITEMS = st.lists(st.builds(Item, st.just((0, 0, 9, 9)), st.floats(0.01, 1), WHY), max_size=30)


@given(ITEMS, st.floats(0, 40))
def test_only_another_look_at_a_thing_waits_and_the_least_worth_of_them(items, often) -> None:
    now, is_busy = steady(items, often)
    urgent = [item for item in items if item.why != "track"]
    again = [item for item in items if item.why == "track"]
    kept = now[len(urgent) :]
    assert now[: len(urgent)] == urgent
    assert len(kept) == min(len(again), max(1, round(often) - len(urgent)))
    assert sorted(i.worth for i in again)[len(again) - len(kept) :] == sorted(i.worth for i in kept)
    assert is_busy == (len(kept) >= max(1, round(often) - len(urgent)))


@given(st.integers(0, 20), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_looks_are_even_and_all_are_made(load: int, swing: int, seed: int) -> None:
    """So many come in each frame, give or take; each is made in one of the frames after."""
    rng = np.random.default_rng(seed)
    waiting, often, made = 0, 0.0, []
    for _ in range(300):
        waiting += max(0, load + int(rng.integers(-swing, swing + 1)))
        now, _ = steady([Item((0, 0, 9, 9), 0.5, "track")] * waiting, often)
        often = smoothed_demand(often, waiting)
        waiting -= len(now)
        made.append(len(now))
    assert waiting <= 3 * (load + swing) + 1
    late = made[100:]
    assert np.std(late) <= swing / 2 + 1
