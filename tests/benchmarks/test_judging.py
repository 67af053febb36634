"""The rules of benchmark C on made-up frames: who told what, when, and how often it looked."""

from __future__ import annotations

import math

import pytest

from benchmarks import report_c
from benchmarks.contenders.looking import Look
from benchmarks.judging import (
    Row,
    Truth,
    ages,
    is_right,
    judged,
    looks_each,
    passed_by,
    told_share,
    waits,
)
from edge.records import Box, Region, Tag

PERCH = Truth(1, "fish", "perch", (100, 100, 200, 150))
HEADS = {"fish"}


def tag(box: Box, name: str = "perch", head: str = "fish") -> Tag:
    return Tag(head, name, None, 0.9, box)


def row(
    frame: int,
    seen: set[int],
    told: set[int] = frozenset(),
    looked: set[int] = frozenset(),
    named: set[int] = frozenset(),
    **more,
) -> Row:
    sets = (frozenset(s) for s in (seen, told, looked, named))
    return Row(frame, *sets, len(told), len(told), **more)


def test_a_tag_is_right_where_the_thing_is():
    assert is_right(tag((0, 0, 640, 640)), PERCH)
    assert is_right(tag((120, 100, 260, 160)), PERCH)  # a track somewhat off
    assert not is_right(tag((180, 100, 280, 150)), PERCH)
    assert not is_right(tag(PERCH.box, "tench"), PERCH)
    assert not is_right(tag(PERCH.box, head="grocery"), PERCH)


def test_a_frame_counts_tags_places_and_looks():
    look = Look(Region(0, 0, 640, 640, "tile"), 2.0, (tag((0, 0, 640, 640), "tench"),))
    whole = Look(Region(0, 0, 3840, 2160, "full"), 2.0, (tag((0, 0, 3840, 2160)),))
    other = Truth(2, "fish", "tench", (300, 300, 350, 340))
    tags = [
        tag(PERCH.box),
        tag((1000, 0, 1100, 100)),
        tag((0, 0, 3840, 2160)),  # the whole frame is no place
        tag(PERCH.box, "indoors", "tags"),  # names no thing
    ]
    found = judged(5, [PERCH, other], tags, [whole, look], HEADS, 3840)
    assert (found.told, found.looked, found.named) == ({1}, {1, 2}, {2})
    assert (found.tags, found.right, found.crops) == (2, 1, 1)
    assert found.latency_ms is None


def test_a_newcomer_waits_from_its_first_whole_frame():
    rows = [row(0, {1}), row(1, {1, 2}), row(2, {1, 2, 3}, {2}), row(3, {2, 3, 4}, {2, 3})]
    assert waits(rows) == {2: 2, 3: 2}  # 1 was there before, 4 came a moment ago
    rows += [row(n, {4}) for n in range(4, 20)]
    assert waits(rows)[4] == math.inf


def test_an_age_counts_from_the_last_look_that_named_it():
    rows = [
        row(0, {1}), row(1, {1}, named={1}), row(2, {1}), row(3, {1}), row(4, {1}, named={1}),
    ]  # fmt: skip
    assert ages(rows) == [0, 0, 1, 2, 0]


def test_looks_are_counted_for_things_that_stay():
    rows = [row(n, {1, 2} if n < 9 else {1}, looked={1} if n % 2 else {2}) for n in range(30)]
    assert looks_each(rows) == {1: 15}


def test_what_crossed_unlooked_at_is_counted():
    rows = [row(0, {1}), row(1, {1, 2, 3}, looked={3}), row(2, {1})]
    assert passed_by(rows) == 0.5
    assert math.isnan(passed_by(rows[:1]))


def watcher(cpu_ms: float, told: set[int], took_ms: float = 10.0, crops: int = 3) -> list[Row]:
    return [
        row(n, {1, 2}, told, cpu_ms=cpu_ms, took_ms=took_ms, crops=crops + n % 2)
        for n in range(100)
    ]


def test_crops_may_differ_where_the_load_does():
    def rows(count, seen, crops):
        return [row(n, seen, crops=crops, took_ms=1.0) for n in range(count)]

    changed = rows(40, {1}, 2) + rows(40, {1, 2}, 5)
    assert report_c.spread(changed) == 0
    assert report_c.spread(rows(30, {1}, 2) + rows(30, {1}, 4)) > 0.8
    assert math.isnan(report_c.spread(rows(19, {1}, 2) + rows(19, {2}, 5)))


def runs(ours: list[Row]) -> dict[str, dict[str, list[Row]]]:
    tiling = watcher(100.0, {1, 2}, 100.0)
    names = ("ours20", "ours50", "ours100")
    return {"static": {"tiling": tiling, "open_loop": ours} | dict.fromkeys(names, ours)}


def test_cheaper_counts_only_with_as_many_tags():
    cheap = report_c.headlines(runs(watcher(2.0, {1, 2})), 100)
    assert cheap["static_cost_ratio"] == pytest.approx(50)
    assert cheap["static_told_over_tiling"] == 1
    blank = watcher(100.0, set())
    assert report_c.cost_ratio(blank, blank) is None
    assert report_c.cost_ratio(watcher(2.0, {1}), blank) == pytest.approx(50)
    blind = report_c.headlines(runs(watcher(2.0, {1})), 100)
    assert blind["static_cost_ratio"] is None


def test_the_worst_budget_is_told():
    found = report_c.headlines(runs(watcher(2.0, {1, 2}, took_ms=30.0)), 100)
    assert found["p99_over_budget_quiet"] == pytest.approx(30 / 20)
    assert found["misses_at_50_contended"] == 0
    late = report_c.headlines(runs(watcher(2.0, {1, 2}, took_ms=60.0)), 100)
    assert late["misses_at_50_contended"] == 1
    assert found["crops_spread"] == pytest.approx(0.5)


def test_a_frame_that_was_missed_has_no_latency_but_is_counted():
    rows = [row(0, {1}, took_ms=250.0, waited_ms=10.0), row(1, {1})]
    found = report_c.summary(rows)
    assert found["latency_p50_ms"] == 260
    assert found["skipped_frames"] == 0.5
    assert told_share(rows) == 0
