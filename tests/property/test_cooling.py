"""The laws of a budget that follows heat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.schedule.cooling import HELD, LEAST, Thermal, budget_factor

DEGREES = st.floats(-100, 200, allow_nan=False)
LIMITS = st.tuples(DEGREES, DEGREES).filter(lambda t: t[0] < t[1]).map(lambda t: Thermal(*t))


@given(st.none() | DEGREES, st.booleans(), LIMITS)
def test_something_is_always_left_and_never_more_than_all(hottest_c, is_held, limits):
    assert LEAST <= budget_factor(hottest_c, is_held, limits) <= 1


@given(DEGREES, DEGREES, st.booleans(), LIMITS)
def test_hotter_is_never_more(one_c, other_c, is_held, limits):
    cooler, hotter = sorted((one_c, other_c))
    assert budget_factor(hotter, is_held, limits) <= budget_factor(cooler, is_held, limits)


@given(st.none() | DEGREES, LIMITS)
def test_held_back_is_never_more_and_at_most_half(hottest_c, limits):
    held = budget_factor(hottest_c, True, limits)
    assert held <= min(HELD, budget_factor(hottest_c, False, limits))


@given(LIMITS, st.floats(0, 50))
def test_cool_is_all_and_hot_is_the_least(limits, more_c):
    assert budget_factor(limits.warm_c - more_c, False, limits) == 1
    assert budget_factor(limits.hot_c + more_c, False, limits) == pytest.approx(LEAST)


@given(st.none() | DEGREES, st.booleans())
def test_without_limits_the_budget_stays(hottest_c, is_held):
    assert budget_factor(hottest_c, is_held, None) == 1


@given(DEGREES, LIMITS, st.floats(0, 0.01))
def test_it_never_jumps(degrees_c, limits, step):
    """A ramp: a hundredth of the way changes a hundredth of the budget at most."""
    step_c = step * (limits.hot_c - limits.warm_c)
    before = budget_factor(degrees_c, False, limits)
    after = budget_factor(degrees_c + step_c, False, limits)
    assert before - after <= 0.01 + 1e-9


@pytest.mark.parametrize("limits", [(80, 80), (80, 70), (float("nan"), 80), (70, float("inf"))])
def test_limits_that_do_not_rise_are_refused(limits):
    with pytest.raises(ValueError, match="expected it to rise"):
        Thermal(*limits)
