"""What a launch will take, by example; and the launches that tell it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.schedule.cost import Costs, Quantiles, after, quantiles
from edge.schedule.pace import LAUNCHES, WARM_UP, Pace

TABLE = {"focus": Quantiles(10.0, 11.0, 12.0)}


def test_planned_and_stopped_are_quantiles_of_what_was_measured():
    assert quantiles(list(range(101))) == Quantiles(50, 90, 99)
    assert quantiles([7.0]) == Quantiles(7.0, 7.0, 7.0)


def test_without_a_measurement_there_is_no_quantile():
    with pytest.raises(ValueError, match="no launch was measured"):
        quantiles([])


def test_twice_as_slow_twice_as_long():
    costs = Costs(TABLE)
    for _ in range(40):
        costs = after(costs, "focus", 20.0)
    assert costs.slowdown.factor == pytest.approx(2.0, rel=0.02)
    assert costs.planned_ms("focus") == pytest.approx(22.0, rel=0.02)
    assert 24.0 * 0.98 <= costs.stopped_ms("focus") <= 24.0 * 1.15  # it came as a surprise


def test_two_slow_launches_in_a_row_are_believed():
    costs = after(Costs(TABLE), "focus", 80.0)
    assert costs.slowdown.factor < 2
    assert after(costs, "focus", 80.0).slowdown.factor == 8.0


def test_a_machine_that_is_free_again_is_believed_as_soon():
    costs = Costs(TABLE)
    for took_ms in (80.0, 80.0, 80.0, 10.0, 10.0):
        costs = after(costs, "focus", took_ms)
    assert costs.slowdown.factor < 2.5


def test_a_launch_that_took_no_time_when_measured_says_nothing():
    costs = Costs({"focus": Quantiles(0.0, 0.0, 0.0)})
    assert after(costs, "focus", 5.0) == costs


class Launcher:
    """Takes 4 ms a look and 2 ms a glance, on its own clock."""

    input_px = 8

    def __init__(self, has_glance: bool) -> None:
        self.has_glance, self.now_s = has_glance, 0.0
        self.shapes: list[tuple[int, ...]] = []

    def clock(self) -> float:
        return self.now_s

    def look(self, picture, regions):
        self.shapes.append(picture.shape)
        self.now_s += 4e-3 * len(regions)

    def glance(self, picture):
        self.now_s += 2e-3


def test_a_pace_is_measured_once():
    launcher = Launcher(has_glance=True)
    pace = Pace(launcher.clock)
    pace.measure(launcher)
    pace.measure(launcher)
    assert launcher.shapes == [(16, 16, 3)] * (WARM_UP + LAUNCHES)
    assert pace.planned_ms("focus") == pytest.approx(4.0)
    assert pace.stopped_ms("glance") == pytest.approx(2.0)
    assert pace.slowdown == 1.0


def test_what_a_bundle_has_not_is_not_measured():
    launcher = Launcher(has_glance=False)
    Pace(launcher.clock).measure(launcher)
    assert launcher.now_s == pytest.approx(4e-3 * (WARM_UP + LAUNCHES))


def test_a_launch_of_one_kind_tells_the_speed_of_all():
    launcher = Launcher(has_glance=True)
    pace = Pace(launcher.clock)
    pace.measure(launcher)
    for _ in range(40):
        pace.took("focus", 12.0)
    assert pace.slowdown == pytest.approx(3.0, rel=0.02)
    assert pace.planned_ms("glance") == pytest.approx(6.0, rel=0.02)


def test_before_it_is_measured_nothing_is_learned():
    pace = Pace()
    pace.took("focus", 1e6)
    assert pace.slowdown == 1.0
    assert np.isfinite(pace.planned_ms("glance"))
