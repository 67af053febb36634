"""The laws of a plan, whatever is asked."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.records import Budget
from edge.schedule.plan import EXPLORING, NOTHING, Choice, Question, plan

share = st.floats(0, 1, width=32)


@st.composite
def asks(draw: Any, most: int = 12) -> Question:
    count, items = draw(st.integers(0, most)), draw(st.integers(0, 8))
    return Question(
        worth=draw(arrays(np.float32, items, elements=share)),
        sees=draw(arrays(np.float32, (count, items), elements=share)),
        costs_ms=draw(arrays(np.float32, count, elements=st.floats(0, 20, width=32))),
        due=draw(arrays(np.float32, count, elements=st.floats(-5, 5, width=32))),
        explores=draw(arrays(bool, count)),
    )


budgets = st.builds(Budget, st.floats(0, 100), st.integers(0, 12))


def worth(asked: Question, rows: Any) -> float:
    """What looks at these candidates are worth together."""
    missed = np.prod(1 - asked.sees[list(rows)], axis=0) if len(rows) else 1.0
    return float((asked.worth * (1 - missed)).sum())


@given(asks(), budgets)
def test_a_plan_keeps_to_the_budget_and_takes_nothing_twice(
    asked: Question, budget: Budget
) -> None:
    chosen = plan(asked, budget)
    assert sum(c.cost_ms for c in chosen) <= budget.frame_ms * (1 + 1e-6)
    assert len(chosen) <= budget.max_regions
    assert len({c.candidate for c in chosen}) == len(chosen)
    assert all(0 <= c.candidate < len(asked.costs_ms) for c in chosen)


@given(asks(), budgets)
def test_the_same_question_has_the_same_answer(asked: Question, budget: Budget) -> None:
    assert plan(asked, budget) == plan(asked, budget)


@given(asks(), budgets)
def test_overdue_ones_come_first_the_longest_waiting_before_all(
    asked: Question, budget: Budget
) -> None:
    due = [float(asked.due[c.candidate]) for c in plan(asked, budget)]
    late = [d for d in due if d > 0]
    assert due[: len(late)] == late == sorted(late, reverse=True)


@given(asks(), budgets)
def test_an_overdue_one_is_left_out_only_when_it_does_not_fit(
    asked: Question, budget: Budget
) -> None:
    chosen = plan(asked, budget)
    taken = {c.candidate for c in chosen}
    late_ms = sum(c.cost_ms for c in chosen if asked.due[c.candidate] > 0)
    late = sum(asked.due[c.candidate] > 0 for c in chosen)
    for c in np.nonzero(asked.due > 0)[0]:
        if c not in taken:
            fits = late_ms + asked.costs_ms[c] <= budget.frame_ms * (1 - 1e-6)
            assert not fits or late >= budget.max_regions


@given(asks(8), budgets)
def test_gains_are_what_each_look_adds_to_those_before_it(asked: Question, budget: Budget) -> None:
    chosen = plan(asked, budget)
    rows = [c.candidate for c in chosen]
    for n, choice in enumerate(chosen):
        added = worth(asked, rows[: n + 1]) - worth(asked, rows[:n])
        assert choice.gain == pytest.approx(added, abs=1e-4)


@given(asks(7), st.floats(1, 60))
def test_greedy_is_within_the_bound_of_the_best_plan_there_is(asked: Question, ms: float) -> None:
    """(1 - 1/e) / 2 of the optimum, found by trying every plan, where nothing is overdue."""
    count = len(asked.costs_ms)
    free = Question(
        asked.worth, asked.sees, asked.costs_ms, np.full(count, -1.0, np.float32),
        np.zeros(count, bool),
    )  # fmt: skip
    every = [rows for n in range(count + 1) for rows in combinations(range(count), n)]
    best = max(worth(free, r) for r in every if free.costs_ms[list(r)].sum() <= ms)
    got = worth(free, [c.candidate for c in plan(free, Budget(ms))])
    assert got >= 0.316 * best - count * NOTHING - 1e-5


@given(asks(), budgets, st.floats(0, 50))
def test_exploration_has_its_share_before_all_that_is_not_overdue(
    asked: Question, budget: Budget, ms: float
) -> None:
    """Whoever explores and is left out would not fit into it, or brings nothing."""
    idle = Question(
        asked.worth, asked.sees, asked.costs_ms, np.minimum(asked.due, 0), asked.explores
    )  # fmt: skip
    chosen = plan(idle, budget, ms)
    taken = [c.candidate for c in chosen]
    explored_ms = sum(c.cost_ms for c in chosen if asked.explores[c.candidate])
    missed = np.prod(1 - asked.sees[taken], axis=0)
    for c in np.nonzero(asked.explores)[0]:
        if c not in taken and len(chosen) < budget.max_regions:
            is_full = explored_ms + asked.costs_ms[c] > min(ms, budget.frame_ms) * (1 - 1e-6)
            assert is_full or float(asked.sees[c] @ (asked.worth * missed)) <= NOTHING + 1e-6


@given(asks(), st.integers(0, 12))
def test_without_a_limit_of_time_exploration_waits_for_its_turn(asked: Question, most: int) -> None:
    """By gain alone, as everything that is not overdue."""
    free = Question(
        asked.worth, asked.sees, np.ones_like(asked.costs_ms), np.minimum(asked.due, 0),
        asked.explores,
    )  # fmt: skip
    gains = [c.gain for c in plan(free, Budget(max_regions=most), 5.0)]
    assert all(a >= b - 1e-6 for a, b in pairwise(gains))


def ask(worth: list[float], costs: list[float], explores: list[bool] | None = None) -> Question:
    count = len(worth)
    return Question(
        np.array(worth, np.float32),
        np.eye(count, dtype=np.float32),
        np.array(costs, np.float32),
        np.full(count, -1.0, np.float32),
        np.array(explores or [False] * count, bool),
    )


def test_the_best_gain_per_ms_goes_first() -> None:
    chosen = plan(ask([0.9, 0.5, 0.4], [9, 1, 5]), Budget(100))
    assert [c.candidate for c in chosen] == [1, 0, 2]


def test_one_large_look_beats_many_small_ones_that_bring_less() -> None:
    """Gain per ms alone would take the small one, and the large one would not fit any more."""
    chosen = plan(ask([0.9, 0.05], [10, 0.5]), Budget(10))
    assert [c.candidate for c in chosen] == [0]


def test_a_second_look_at_the_same_thing_gives_way_to_a_first_at_another() -> None:
    sees = np.array([[0.9, 0.0], [0.9, 0.0], [0.0, 0.3]], np.float32)
    asked = Question(
        np.ones(2, np.float32), sees, np.ones(3, np.float32), np.full(3, -1, np.float32),
        np.zeros(3, bool),
    )  # fmt: skip
    assert [c.candidate for c in plan(asked, Budget(2))] == [0, 2]


def test_a_tenth_is_left_to_exploration_however_much_else_there_is() -> None:
    things = 30
    asked = ask([1.0] * things + [0.05] * 5, [1.0] * (things + 5), [False] * things + [True] * 5)
    chosen = plan(asked, Budget(20))
    explored = sum(asked.explores[c.candidate] for c in chosen)
    assert explored == 20 * EXPLORING
    assert len(chosen) == 20


def test_what_exploration_does_not_need_the_others_get() -> None:
    asked = ask([1.0] * 30 + [0.05], [1.0] * 31, [False] * 30 + [True])
    chosen = plan(asked, Budget(20))
    assert len(chosen) == 20


def test_nothing_is_looked_at_for_nothing() -> None:
    assert plan(ask([0.0, 1e-6], [1, 1]), Budget(100)) == ()


def test_arrays_that_do_not_fit_and_costs_that_are_none_are_refused() -> None:
    asked = ask([1.0, 1.0], [1, 1])
    with pytest.raises(ValueError, match=r"worth is \(3,\), expected \(2,\)"):
        plan(Question(np.ones(3, np.float32), *list(vars_of(asked))[1:]), Budget())
    with pytest.raises(ValueError, match="below 0 ms or not a number"):
        plan(ask([1.0], [float("nan")]), Budget())


def vars_of(asked: Question) -> list[Any]:
    return [getattr(asked, name) for name in asked.__struct_fields__]


def test_a_choice_says_what_it_brings_and_takes() -> None:
    assert plan(ask([0.5], [3.0]), Budget(10)) == (Choice(0, 0.5, 3.0),)
