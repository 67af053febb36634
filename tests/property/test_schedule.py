"""The laws of the plan, for any candidates, costs and budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.records import Budget, Candidate, Region
from edge.schedule import plan

MS = st.floats(0, 100, allow_nan=False)
ITEM = st.tuples(st.floats(0, 10, allow_nan=False), st.booleans(), MS)
ITEMS = st.lists(ITEM, max_size=30)
BUDGETS = st.builds(
    Budget, st.one_of(MS, st.just(float("inf"))), st.integers(min_value=0, max_value=40)
)


def split(items: list[tuple[float, bool, float]]) -> tuple[list[Candidate], list[float]]:
    """Candidates with a region of their own each, and their costs."""
    candidates = [
        Candidate(Region(n, 0, n + 1, 1), gain, is_overdue)
        for n, (gain, is_overdue, _) in enumerate(items)
    ]
    return candidates, [cost for *_, cost in items]


def cost_of(region: Region, costs: list[float]) -> float:
    return costs[region.x0]


@given(ITEMS, BUDGETS)
def test_a_plan_keeps_within_the_budget(items, budget):
    """Never more ms than the budget, never more regions than it allows."""
    candidates, costs = split(items)
    planned = plan(candidates, costs, budget)
    spent = 0.0
    for region in planned:
        spent += cost_of(region, costs)
    assert spent <= budget.frame_ms
    assert len(planned) <= budget.max_regions


@given(ITEMS, BUDGETS)
def test_a_plan_holds_candidates_once_each(items, budget):
    """Nothing is invented and nothing is looked at twice."""
    candidates, costs = split(items)
    planned = plan(candidates, costs, budget)
    assert len(set(planned)) == len(planned)
    assert set(planned) <= {c.region for c in candidates}


@given(ITEMS, BUDGETS)
def test_the_same_input_gives_the_same_plan(items, budget):
    """No state, no clock."""
    candidates, costs = split(items)
    assert plan(candidates, costs, budget) == plan(candidates, costs, budget)


@given(ITEMS)
def test_an_endless_budget_takes_everything(items):
    """Nothing is left out without a reason."""
    candidates, costs = split(items)
    assert len(plan(candidates, costs, Budget(max_regions=1000))) == len(items)


@given(ITEMS, BUDGETS)
def test_overdue_candidates_come_first(items, budget):
    """No region that is not overdue comes before one that is."""
    candidates, costs = split(items)
    overdue = {c.region: c.overdue for c in candidates}
    order = [overdue[region] for region in plan(candidates, costs, budget)]
    assert order == sorted(order, reverse=True)


@given(ITEMS, BUDGETS)
def test_what_was_left_out_did_not_fit(items, budget):
    """With room for one more region, whatever is left would pass the budget."""
    candidates, costs = split(items)
    planned = plan(candidates, costs, budget)
    spent = 0.0
    for region in planned:
        spent += cost_of(region, costs)
    if len(planned) < budget.max_regions:
        left = [c.region for c in candidates if c.region not in set(planned)]
        assert all(spent + cost_of(region, costs) > budget.frame_ms for region in left)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.integers(1, 20))
def test_equal_costs_give_the_best_gains_ties_in_order(gains, limit):
    """The plan is the stable sort by gain."""
    candidates = [Candidate(Region(n, 0, n + 1, 1), float(gain)) for n, gain in enumerate(gains)]
    planned = plan(candidates, [1.0] * len(gains), Budget(max_regions=limit))
    expected = sorted(candidates, key=lambda c: -c.gain)[:limit]
    assert planned == [c.region for c in expected]


def test_gain_is_weighed_against_cost():
    cheap, dear = Candidate(Region(0, 0, 1, 1), 2.0), Candidate(Region(1, 0, 2, 1), 3.0)
    assert plan([dear, cheap], [3.0, 1.0], Budget(frame_ms=3.5)) == [cheap.region]


def test_nothing_affordable_is_an_empty_plan():
    overdue = Candidate(Region(0, 0, 1, 1), 9.0, overdue=True)
    assert plan([overdue], [10.0], Budget(frame_ms=9.9)) == []


@pytest.mark.parametrize("costs", [[1.0], [1.0, -1.0], [1.0, float("nan")]], ids=str)
def test_costs_that_make_no_sense_are_refused(costs):
    candidates = [Candidate(Region(n, 0, n + 1, 1), 1.0) for n in range(2)]
    with pytest.raises(ValueError, match="expected"):
        plan(candidates, costs, Budget())
