"""The rules of benchmark A on made-up looks: what counts as found, what reaching 95 % costs."""

from __future__ import annotations

import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.looking import Look, Run
from benchmarks.measures import interval
from benchmarks.reports import bench_a as report_a
from benchmarks.scoring import (
    Trace,
    area_under,
    counted,
    curve,
    expected,
    finds,
    is_held,
    middle,
    ms_to_reach,
    ratio_at,
    recall,
    recall_at,
    trace,
)
from calib_data.composed import Composed, Kind, Placed
from edge.records import Region, Tag

BOX = (100, 100, 200, 150)


def look(x0: int, y0: int, x1: int, y1: int, *tags: str, ms: float = 2.0, kind: str = "crop"):
    region = Region(x0, y0, x1, y1, kind)
    return Look(region, ms, tuple(Tag("fish", tag, None, 0.9, region.box) for tag in tags))


def placed(*boxes: tuple[int, int, int, int], tag: str = "perch") -> tuple[Placed, ...]:
    return tuple(Placed(box, "fish", tag, Path("a.png")) for box in boxes)


def made(*found: int, total: int = 4, ms: float = 2.0, before: float = 0.0) -> Trace:
    """A trace whose looks found so many in all."""
    counts = (0, *found)
    times = tuple(before + ms * n for n in range(len(counts)))
    steps = tuple(range(len(counts)))
    return Trace("clustered8", total, counts, 0, (0,) * len(counts), steps, times, 9.0, 8.0)


def test_seven_tenths_of_the_box_must_lie_in_the_region():
    assert is_held(BOX, (130, 0, 400, 400))
    assert not is_held(BOX, (131, 0, 400, 400))


def test_only_the_right_tag_in_the_right_head_finds():
    things = placed(BOX)
    assert finds(look(90, 90, 210, 160, "perch"), things) == {0}
    assert finds(look(90, 90, 210, 160, "tench"), things) == set()
    assert finds(look(90, 90, 210, 160), things) == set()
    other = (Placed(BOX, "grocery", "perch", Path("a.png")),)
    assert finds(look(90, 90, 210, 160, "perch"), other) == set()


def test_a_trace_counts_each_thing_once_and_the_glance_from_the_start():
    small = (10, 10, 40, 40)
    scene = Composed(np.zeros((9, 9, 3), np.uint8), placed(BOX, small), (), Kind(8, True, False))
    whole = look(0, 0, 400, 400, "tench", kind="full")
    run = Run((whole, look(0, 0, 300, 300, "perch"), look(0, 0, 50, 50, "perch")), before_ms=5.0)
    kept = trace(scene, run, 30.0, 20.0)
    assert kept.group == "clustered8"
    assert kept.found == (0, 0, 2, 2)
    assert (kept.total_small, kept.found_small) == (1, (0, 0, 1, 1))
    assert kept.crops == (0, 0, 1, 2)
    assert kept.engine_ms == (5.0, 7.0, 9.0, 11.0)


def test_recall_at_some_crops_counts_looks_at_the_whole_frame_too():
    kept = Trace("uniform3", 4, (0, 1, 2, 3), 0, (0,) * 4, (0, 0, 1, 2), (0, 1, 2, 3), 1.0, 1.0)
    assert [recall_at([kept], k) for k in (0, 1, 2, 9)] == [0.25, 0.5, 0.75, 0.75]


def test_the_curve_keeps_a_scene_that_ended_at_its_last():
    short, long = made(2), made(0, 4, ms=3.0)
    assert curve([short, long]) == [(0.0, 0.0), (2.5, 0.25), (4.0, 0.75)]


def test_the_ratio_is_our_time_to_the_share_over_all_of_the_peers():
    ours, peer = [made(1, 3, 3, 4, before=4.0)], [made(0, 1, 2, 3, total=4, ms=10.0)]
    assert ms_to_reach(ours, 0.75) == 8.0
    assert ratio_at(ours, peer) == pytest.approx(8.0 / 40.0)
    assert ratio_at([made(1, 1)], peer) == math.inf
    assert ratio_at(ours, [made(0, 0)]) == pytest.approx(6.0 / 4.0)  # half a thing of four


def test_the_area_is_that_under_the_steps():
    assert area_under([made(4, ms=2.0)], 10.0) == pytest.approx(0.8)
    assert area_under([made(2, 4, ms=5.0)], 10.0) == pytest.approx(0.25)
    assert area_under([made(4, before=20.0)], 10.0) == 0.0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.1, 5)), min_size=1, max_size=20),
    st.floats(1, 60),
)
def test_the_area_never_exceeds_the_recall(steps, until):
    found = np.minimum(np.cumsum([0] + [s for s, _ in steps]), 8).tolist()
    ms = np.cumsum([0.0] + [m for _, m in steps]).tolist()
    nothing = (0,) * len(ms)
    kept = Trace("uniform8", 8, tuple(found), 0, nothing, nothing, tuple(ms), None, None)
    assert 0 <= area_under([kept], until) <= recall([kept]) + 1e-9


def test_of_several_runs_each_step_counts_with_its_median_time():
    kept = middle([made(1, 2, ms=3.0), made(1, 2, ms=1.0), made(1, 2, ms=2.0, before=5.0)])
    assert kept.engine_ms == (0.0, 2.0, 4.0)
    assert middle([made(1, 2), made(1, 3, ms=0.1)]).engine_ms == made(1, 2).engine_ms


def test_looks_in_no_order_count_with_the_mean_over_all_orders():
    by_look = [{1}, set(), {1, 2}]
    orders = [counted([by_look[i] for i in p]) for p in permutations(range(3))]
    assert expected(by_look) == pytest.approx(np.mean(orders, axis=0))
    assert expected([]) == (0,)


def test_an_interval_holds_the_value_and_narrows_with_scenes():
    def width(count: int) -> float:
        some = [made(n % 3, 4) for n in range(count)]
        low, high = interval(lambda rows: recall_at([some[i] for i in rows], 1), count)
        assert low <= recall_at(some, 1) <= high
        return high - low

    assert width(96) < width(12)


def traces(ours: list[Trace], sahi: list[Trace]) -> dict[str, list[Trace]]:
    limit = [made(4, ms=1.0)] * len(ours)
    return {
        "ours": ours,
        "sahi640": sahi,
        "random": sahi,
        "oracle": limit,
        "oracle_tight": [made(1, 4, ms=1.0)] * len(ours),
    }


def test_the_report_says_which_targets_are_met_and_why_one_has_no_number():
    found = report_a.numbers(traces([made(3, 4)] * 3, [made(*[0] * 15, 4)] * 3))
    rows = {row["key"]: row for row in report_a.judged(found)}
    assert rows["clustered8_engine_ratio_at_95"]["value"] == pytest.approx(4 / 32)
    assert rows["clustered8_engine_ratio_at_95"]["is_met"]
    assert rows["uniform8_engine_ratio_at_95"]["value"] is None
    assert not rows["uniform8_engine_ratio_at_95"]["is_met"]
    assert found["uniform8_engine_ratio_at_95_reason"] == "no such scenes"
    assert found["recall4_over_random"] == pytest.approx(24)  # all of 12 over half a thing of 12
    assert found["small_recall_over_sahi_reason"] == "no such things"
    assert "MISSED" in report_a.table(found | {"things_used": 3, "left_out_count": 0})


def test_a_ratio_over_next_to_nothing_is_no_verdict():
    """The recalls stand beside it: what a peer finds itself."""

    def of(peer: int) -> dict[str, dict]:
        sahi = [made(*[0] * 15, peer, total=100)]
        found = report_a.numbers(traces([made(3, 40, total=100)], sahi))
        return {row["key"]: row for row in report_a.judged(found)}

    blind, seeing = of(4), of(5)
    key = "clustered8_engine_ratio_at_95"
    assert blind[key]["value"] is not None
    assert blind[key]["is_met"] is None
    assert blind[key]["why"] == "peer's recall too low to compare"
    assert blind[key]["beside"] == "recall: ours 40 %, sahi640 4 %"
    assert seeing[key]["is_met"]
    assert seeing["recall4_over_random"]["is_met"] is None  # nothing with four crops


def test_recall_that_is_not_reached_is_said():
    found = report_a.numbers(traces([made(1, 2)] * 3, [made(0, 4)] * 3))
    assert found["clustered8_engine_ratio_at_95"] is None
    assert "ours found 0.500" in found["clustered8_engine_ratio_at_95_reason"]
    assert found["recall_over_sahi"] == pytest.approx(0.5)


def test_the_better_oracle_is_the_limit():
    kept = traces([made(4, ms=1.0)] * 2, [made(0, 4)] * 2)
    assert report_a.numbers(kept)["aurc_over_oracle"] == pytest.approx(1.0)
    kept |= {"oracle": kept["oracle_tight"], "oracle_tight": kept["oracle"]}
    assert report_a.numbers(kept)["aurc_over_oracle"] == pytest.approx(1.0)
