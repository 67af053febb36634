"""Glances at parts of a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames.closer_looks import ROOM
from edge.glance.heat import Heat, Spot
from edge.glance.parts import ALONG, LEAST, OVERLAP, expected, holds, joined, parts, shifted
from edge.records import Budget, Region
from edge.seen import View
from tests.scenery import Scene, Thing

SIZES = st.tuples(st.integers(40, 5000), st.integers(40, 5000))


@given(SIZES, st.integers(8, 300))
def test_parts_cover_the_frame_and_share_what_a_thing_may_need(size, input_px):
    width, height = size
    found = parts(width, height, input_px)
    assert bool(found) == (max(size) >= LEAST * input_px)
    covered = np.zeros((height, width), bool)
    for part in found:
        assert 0 <= part.x0 < part.x1 <= width
        assert 0 <= part.y0 < part.y1 <= height
        covered[part.y0 : part.y1, part.x0 : part.x1] = True
    if found:
        assert covered.all()
        assert len(found) == ALONG**2
        assert found[0].x1 - found[1].x0 >= OVERLAP * (found[0].x1 - found[0].x0) - ALONG - 2


def test_what_a_part_cuts_off_is_left_to_its_neighbour():
    part = Region(0, 50, 110, 110, "part")
    inside, cut, at_the_frame = (10, 5, 20, 15), (100, 5, 110, 15), (0, 50, 9, 60)
    spots = tuple(Spot(box, 0.5) for box in (inside, cut, at_the_frame))
    told = shifted(Heat(np.zeros((4, 4, 1), np.float32), spots), part, 200, 110)
    assert [spot.box for spot in told.spots] == [(10, 55, 20, 65), (0, 100, 9, 110)]


@given(st.integers(0, 999), st.integers(1, 30), st.integers(1, 30))
def test_heat_with_a_part_is_nowhere_colder_and_elsewhere_the_same(seed, rows, columns):
    rng = np.random.default_rng(seed)
    whole = Heat(rng.random((rows, columns, 2), np.float32), (Spot((10, 10, 20, 20), 0.3),))
    told = Heat(rng.random((6, 6, 2), np.float32), (Spot((11, 10, 21, 20), 0.2),))
    part = parts(200, 100, 20)[0]
    after = joined(whole, told, part, 200, 100)
    assert (after.by_kind >= whole.by_kind).all()
    middles = (np.arange(columns) + 0.5) * 200 / columns
    beside = middles >= part.x1
    np.testing.assert_array_equal(after.by_kind[:, beside], whole.by_kind[:, beside])
    assert [spot.box for spot in after.spots] == [(11, 10, 21, 20)]  # the part shows more of it
    assert joined(None, told, part, 200, 100).spots == told.spots


def test_more_is_expected_where_more_was_seen():
    part = (0, 0, 100, 100)
    assert holds(part, (90, 90, 108, 108))
    assert not holds(part, (90, 90, 112, 112))
    known = [((10, 10, 20, 20), 0.9), ((150, 10, 160, 20), 0.9)]
    assert expected(part, []) < expected(part, known) == expected(part, known[:1])


@pytest.mark.parametrize("budget_ms", [None, 60.0])
def test_a_thing_that_only_a_part_shows_is_told(budget_ms):
    """At once where there is no budget, in a few frames where there is one."""
    view = View(budget=Budget(budget_ms)) if budget_ms else View()
    scene = Scene([Thing("c", 100, 60, 14)], hidden_px=20)
    seen = [scene.watch(view) for _ in range(6 if budget_ms else 1)]
    assert any(tag.tag == "c" and tag.track for tag in seen[-1].tags)
    assert any(look.why == "part" for frame in seen for look in frame.looks)


@given(st.floats(1, 50), st.sampled_from([2.0, 4.0]), st.sampled_from([3.0, 9.0]))
def test_a_small_budget_is_for_closer_looks(ms, focus_ms, glance_ms):
    scene = Scene([Thing("c", 100, 60, 24)], focus_ms=focus_ms, glance_ms=glance_ms)
    view = View(budget=Budget(ms))
    for _ in range(6):
        whys = [look.why for look in scene.watch(view).looks]
        if ms < ROOM * glance_ms and "part" in whys:
            assert {*whys[: whys.index("part")]} <= {"glance", "aged"}


@given(st.floats(12, 30))
def test_what_a_small_budget_has_over_is_another_camera_s_where_one_waits(ms):
    scene = Scene([Thing("c", 100, 60, 24)], glance_ms=9.0)
    view = View(budget=Budget(ms))
    seen = [scene.watch(view, lambda: True) for _ in range(6)]
    assert not any(look.why == "part" for frame in seen for look in frame.looks)
