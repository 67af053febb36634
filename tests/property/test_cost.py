"""The laws of costs: what a launch is expected to take follows what launches took."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.schedule.cost import FASTEST, LONGEST, SLOWEST, Costs, after, quantiles

ROLE = "focus"
SEEDS = st.integers(0, 10_000)
SPEEDS = st.floats(0.1, 20)

Noise = Callable[[random.Random], float]


def even(rng: random.Random) -> float:
    return rng.gauss(1, 0.08)


def uneven(rng: random.Random) -> float:
    return rng.lognormvariate(0, 0.3)


def cut_in_two(rng: random.Random) -> float:
    """Another process has the core now and then."""
    return rng.gauss(1, 0.05) + (4 if rng.random() < 0.15 else 0)


def measured(rng: random.Random, noise: Noise, usual_ms: float = 5.0) -> Costs:
    return Costs({ROLE: quantiles([usual_ms * noise(rng) for _ in range(200)])})


def launches(costs: Costs, took_ms: Iterator[float]) -> Iterator[tuple[Costs, float]]:
    """What was expected, and what it took."""
    for ms in took_ms:
        yield costs, ms
        costs = after(costs, ROLE, ms)


@given(SEEDS, SPEEDS, SPEEDS)
def test_the_slowdown_finds_any_speed_and_the_next_one(seed, first, second):
    """Within a fifth, after 25 launches each."""
    rng = random.Random(seed)
    costs = measured(rng, even)
    for speed in (first, second):
        for _ in range(25):
            costs = after(costs, ROLE, 5.0 * speed * even(rng))
        assert costs.slowdown.factor == pytest.approx(speed, rel=0.2)


@given(SEEDS, st.sampled_from([even, uneven, cut_in_two]), SPEEDS)
def test_of_twenty_launches_about_one_takes_longer_than_the_stop(seed, noise, speed):
    """Measured on a quiet machine, whatever the machine does later."""
    rng = random.Random(seed)
    costs = measured(rng, even)
    took = (5.0 * speed * max(0.2, noise(rng)) for _ in range(1500))
    late = [ms > costs.stopped_ms(ROLE) for costs, ms in launches(costs, took)][100:]
    assert sum(late) / len(late) <= 0.08


@given(SEEDS, SPEEDS)
def test_of_ten_launches_about_one_takes_longer_than_planned(seed, speed):
    """As uneven as they were when they were measured."""
    rng = random.Random(seed)
    costs = measured(rng, even)
    took = (5.0 * speed * even(rng) for _ in range(600))
    late = [ms > costs.planned_ms(ROLE) for costs, ms in launches(costs, took)][100:]
    assert 0.02 <= sum(late) / len(late) <= 0.25


@given(SEEDS, st.floats(0, 1e9))
def test_one_odd_launch_is_a_hiccup(seed, odd_ms):
    """It moves the factor by less than half, and ten launches later it is forgotten."""
    rng = random.Random(seed)
    costs = measured(rng, even)
    for _ in range(30):
        costs = after(costs, ROLE, 5.0 * even(rng))
    before = costs.slowdown.factor
    costs = after(costs, ROLE, odd_ms)
    assert 0.6 * before <= costs.slowdown.factor <= 1.4 * before
    for _ in range(10):
        costs = after(costs, ROLE, 5.0 * even(rng))
    assert costs.slowdown.factor == pytest.approx(before, rel=0.25)


@given(st.lists(st.floats(0, 1e12), max_size=60))
def test_whatever_launches_take_the_factors_stay_within_their_limits(took_ms):
    first = Costs({ROLE: quantiles([4.0, 5.0, 6.0])})
    for costs, _ in launches(first, iter(took_ms)):
        assert FASTEST <= costs.slowdown.factor <= SLOWEST
        assert 1 <= costs.tail <= LONGEST
        assert 0 < costs.planned_ms(ROLE) <= costs.stopped_ms(ROLE)


@given(st.lists(st.floats(0.01, 1e4), min_size=1))
def test_quantiles_are_of_what_was_measured_and_in_order(measured_ms):
    found = quantiles(measured_ms)
    assert found.usual_ms <= found.planned_ms <= found.stopped_ms
    assert {found.usual_ms, found.planned_ms, found.stopped_ms} <= set(measured_ms)
