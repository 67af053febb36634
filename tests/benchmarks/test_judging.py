"""The rules of benchmark C on made-up frames: who told what, when, and how often it looked."""

from __future__ import annotations

import math

import msgspec
import pytest

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
from benchmarks.looking import Look
from benchmarks.machine import rounded
from benchmarks.reports import bench_c as report_c
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


def result(
    ours: list[Row],
    tiling: list[Row],
    frigate: list[Row] | None = None,
    scripts: tuple[str, ...] = ("static",),
) -> dict:
    """As benchmark C keeps it, the same for each script, before it is judged."""
    mine = dict.fromkeys(("open_loop", "ours20", "ours50", "ours100"), ours)
    peers = {"tiling": tiling} | ({"frigate": frigate} if frigate else {})
    found = dict.fromkeys(scripts, peers | mine)
    watchers = report_c.summaries(found, 100)
    return rounded({"fps": 5.0, "watchers": watchers} | report_c.headlines(found, 100))


def verdicts_of(found: dict) -> dict[str, dict]:
    return {row["key"]: row for row in report_c.judged(found)}


def test_as_much_as_a_peer_that_tells_nothing_is_no_verdict():
    ours = watcher(2.0, {1})
    blind = verdicts_of(result(ours, watcher(100.0, set())))["static_cost_ratio"]
    assert (blind["value"], blind["is_met"]) == (pytest.approx(50), None)
    assert blind["why"] == "the peer tells nothing"
    assert blind["beside"] == "told: ours 50 %, tiling 0 %"
    seeing = verdicts_of(result(ours, ours))["static_cost_ratio"]
    assert (seeing["value"], seeing["is_met"]) == (pytest.approx(1), False)


def test_ages_are_in_seconds_where_things_stand_and_in_frames_where_they_move():
    rows = [row(n, {1}, {1}, named={1} if n % 20 == 0 else set(), took_ms=1.0) for n in range(100)]
    found = verdicts_of(result(rows, rows, scripts=("static", "slow")))
    assert found["static_age_p99_s"]["value"] == pytest.approx(19 / 5)
    assert found["static_age_p99_s"]["is_met"]
    assert found["moving_age_p99_frames"]["value"] == 19
    assert not found["moving_age_p99_frames"]["is_met"]


def test_fewer_looks_than_frigate_count_only_with_as_much_that_is_right():
    def rows(every: int) -> list[Row]:
        looked = [{1} if n % every == 0 else set() for n in range(100)]
        return [row(n, {1}, {1}, looked=looked[n], took_ms=1.0) for n in range(100)]

    few, many = rows(10), rows(2)
    assert verdicts_of(result(few, few, many))["looks_over_frigate"]["value"] == pytest.approx(0.2)
    assert verdicts_of(result(many, few, few))["looks_over_frigate"]["is_met"] is False
    wrong = [msgspec.structs.replace(one, tags=2) for one in few]
    assert verdicts_of(result(wrong, few, many))["looks_over_frigate"]["is_met"] is False
    assert verdicts_of(result(few, few))["looks_over_frigate"]["value"] is None
    blind = [msgspec.structs.replace(one, told=frozenset()) for one in few]
    assert verdicts_of(result(few, few, blind))["looks_over_frigate"]["value"] is None


def test_of_the_scripts_the_open_loop_that_is_late_least_is_judged():
    found = result(watcher(2.0, {1}), watcher(9.0, {1}), scripts=("static", "fast"))
    found |= {"static_open_loop_misses_at_50_contended": 0.02}
    found |= {"fast_open_loop_misses_at_50_contended": 0.7}
    assert verdicts_of(found)["open_loop_misses_at_50_contended"]["value"] == 0.02


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
