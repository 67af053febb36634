"""The maths that the benchmarks share, and the verdicts."""

from __future__ import annotations

import math

import pytest

from benchmarks.machine import rounded
from benchmarks.measures import order, over, percent, quantile, verdict, verdict_lines, verdicts


def test_everybody_runs_as_often_first_as_last():
    names = ["a", "b", "c"]
    assert order(names, 0, 2) == ["a", "b", "c", "c", "b", "a"]
    assert order(names, 1, 1) == ["c", "b", "a"]
    firsts = [order(names, number, 1)[0] for number in range(24)]
    assert firsts.count("a") == firsts.count("c") == 12


def test_twelve_kinds_of_scenes_do_not_always_meet_the_same_direction():
    assert order(["a", "b"], 3, 1) != order(["a", "b"], 3 + 12, 1)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3, 1, 2], 0.5, 2),
        ([3, 1, 2], 0.99, 3),
        (list(range(1, 101)), 0.99, 99),
        (list(range(1, 101)), 0.9, 90),
        ([1, 1, math.inf], 0.6, 1),
        ([1, 1, math.inf], 0.9, math.inf),
        ([7], 0.0, 7),
    ],
)
def test_a_quantile_is_the_least_value_that_such_a_share_does_not_exceed(values, share, expected):
    assert quantile(values, share) == expected


def test_a_quantile_of_nothing_is_no_number():
    assert math.isnan(quantile([], 0.5))


def test_a_ratio_over_nothing_is_never_zero():
    assert over(1.0, 2.0) == 0.5
    assert over(1.0, 0.0) == math.inf
    assert math.isnan(over(0.0, 0.0))


def test_a_target_without_a_number_is_missed():
    rows = verdicts({"a": 1.0, "b": None}, [("a", "<=", 1.0), ("a", ">=", 1.1), ("b", "<=", 1.0)])
    assert [row["is_met"] for row in rows] == [True, False, False]
    assert [line.split()[-1] for line in verdict_lines(rows)[1:]] == ["met", "MISSED", "MISSED"]


def test_a_target_that_cannot_be_judged_is_neither_met_nor_missed():
    limits = [("a", "<=", 1.0), ("b", "<=", 1.0)]
    rows = verdicts({"a": 0.5, "b": 2.0}, limits, {"b": "of 3"}, {"a": "nobody else ran"})
    assert [row["is_met"] for row in rows] == [None, False]
    assert [verdict(row) for row in rows] == ["no verdict: nobody else ran", "missed"]
    first, second = verdict_lines(rows)[1:]
    assert first.endswith("no verdict: nobody else ran")
    assert second.endswith("MISSED (of 3)")


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.0409, "4.1 %"), (0.6, "60 %"), (1.0, "100 %"), (None, "-"), (math.nan, "-")],
)
def test_a_share_is_told_with_two_digits(share, words):
    assert percent(share) == words


def test_what_json_cannot_hold_is_left_out():
    found = rounded({"a": 0.123456, "b": [math.inf, (math.nan, 2)], "c": "x", "d": True})
    assert found == {"a": 0.1235, "b": [None, [None, 2]], "c": "x", "d": True}
