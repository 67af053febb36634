"""How long the next one takes."""

from __future__ import annotations

from edge.meter import Meter


def test_nothing_measured_is_what_the_caller_thinks():
    assert Meter().expected_ms(unknown_ms=7.0) == 7.0


def test_nine_of_ten_are_not_longer():
    meter = Meter()
    for ms in (5, 1, 9, 2, 8, 3, 7, 4, 6, 10):
        meter.add(ms)
    assert meter.expected_ms() == 9


def test_old_durations_are_forgotten():
    meter = Meter(keep=3)
    for ms in (100, 100, 1, 1, 1):
        meter.add(ms)
    assert meter.expected_ms() == 1
