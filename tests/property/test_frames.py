"""The laws of frames, on a clock that only launches move."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.memory.cells import WAIT_S
from edge.memory.tracks import MOST as MOST_TRACKS
from edge.records import Box, Budget, Tag
from edge.schedule.plan import EXPLORING, MOST
from edge.schedule.spending import STARVED_S
from edge.seen import Seen, View
from tests.scenery import HEIGHT, LABELS, STEP_S, WIDTH, Scene, Thing

SECOND = round(1 / STEP_S)  # in frames
TILES = 15


@st.composite
def things(draw: Any, most: int = 8, speed: float = 6.0) -> list[Thing]:
    """Some that stay and some that move, and some that come later."""
    place = st.tuples(st.integers(0, WIDTH - 40), st.integers(0, HEIGHT - 40))
    pace = st.floats(-speed, speed)
    return [
        Thing(
            draw(st.sampled_from(LABELS)), *draw(place), draw(st.integers(12, 40)),
            *draw(st.sampled_from([(0.0, 0.0), (draw(pace), draw(pace))])),
            draw(st.sampled_from([0, 0, 5])),
        )
        for _ in range(draw(st.integers(0, most)))
    ]  # fmt: skip


@st.composite
def scenes(draw: Any, **how: Any) -> Scene:
    return Scene(
        draw(things(**how)),
        focus_ms=draw(st.sampled_from([2.0, 4.0, 7.0])),
        glance_ms=draw(st.sampled_from([1.0, 3.0, 9.0])),
        has_glance=draw(st.booleans()),
        noise=draw(st.sampled_from([0.0, 1.0])),
        seed=draw(st.integers(0, 99)),
    )


def budget(ms: float) -> View:
    return View(budget=Budget(frame_ms=ms))


def watched(scene: Scene, frames: int, view: View) -> list[Seen]:
    return [scene.watch(view) for _ in range(frames)]


@given(scenes(), st.floats(0, 60))
def test_no_launch_ends_past_the_deadline(scene: Scene, ms: float) -> None:
    """Unless nothing was launched for a second: then there is one, and only one."""
    launched_s = -STARVED_S
    for n in range(12):
        scene.watch(budget(ms))
        late = [launch for launch in scene.launches if launch.end_ms > ms + 1e-6]
        if late:
            assert n * STEP_S - launched_s >= STARVED_S
            assert len(scene.launches) == 1
        if scene.launches:
            launched_s = n * STEP_S


@settings(max_examples=25)
@given(scenes(), st.floats(10, 60), st.sampled_from([2.0, 6.0, 15.0]))
def test_a_machine_that_becomes_slower_costs_a_launch_too_many_at_most_for_some_frames(
    scene: Scene, ms: float, times: float
) -> None:
    """Until that is learned; and no frame is late by more than one launch."""
    watched(scene, 5, budget(ms))
    scene.slow = lambda _: times
    late = 0
    for _ in range(40):
        scene.watch(budget(ms))
        over_ms = [launch.end_ms for launch in scene.launches if launch.end_ms > ms + 1e-6]
        late += bool(over_ms) and len(scene.launches) > 1
        assert len(over_ms) <= 1
    assert late <= 4


@given(scenes(), st.sampled_from([0.0, 1.0, 30.0]))
def test_frames_without_a_launch_do_not_change_the_slowdown(scene: Scene, ms: float) -> None:
    """A second of rest is no sign of headroom."""
    scene.slow = lambda _: 3.0
    before = None
    for n in range(20):
        seen = scene.watch(budget(0.0 if n % 2 else ms))
        if before is not None and not scene.launches:
            assert seen.slowdown == before
        before = seen.slowdown


@settings(max_examples=12)
@given(scenes(), st.floats(1.05, 6))
def test_every_place_is_looked_at_in_time_however_small_the_budget(
    scene: Scene, launches: float
) -> None:
    """From a budget that holds one launch on: within a sweep of the tiles and of all things."""
    ms = launches * max(scene.focus_ms, scene.glance_ms)
    a_frame = max(1, int(launches) - 2) / 2  # looks, where a glance takes turns with them
    bound_s = 2 * WAIT_S + (TILES + 3 * len(scene.things)) / a_frame * STEP_S
    oldest = [seen.oldest_s for seen in watched(scene, round(2.5 * bound_s / STEP_S), budget(ms))]
    assert max(oldest) <= bound_s


@settings(max_examples=15)
@given(st.integers(0, 99), st.integers(2, 12), st.sampled_from([4.0, 4.5, 10.0, 30.0]))
def test_exploration_gets_its_tenth_of_the_looks(seed: int, count: int, ms: float) -> None:
    """In a frame full of things that no look settles, while a tile's turn has come."""
    many = [Thing(LABELS[i % 6], 26 * (i % 12), 34 * (i // 12), 24) for i in range(6 * count)]
    scene = Scene(many, noise=4.0, seed=seed, glance_ms=0.1)
    explored = closer = 0
    for seen in watched(scene, 10 * SECOND, budget(ms)):
        kinds = [look.why for look in seen.looks if look.is_closer]
        is_more = any(item.why == "aged" for item in seen.items) and bool(seen.shed)
        closer += len(kinds) * is_more
        explored += sum(why == "aged" for why in kinds) * is_more
    assert explored >= EXPLORING * closer - 3


@given(scenes(), st.floats(3, 60))
def test_the_longest_overdue_goes_first(scene: Scene, ms: float) -> None:
    for _ in range(15):
        seen = scene.watch(budget(ms))
        by_region = {c.region: seen.items[c.item].due_s for c in seen.candidates}
        due = [by_region[look.region] for look in seen.looks if look.is_closer]
        late = [d for d in due if d > 0]
        assert due[: len(late)] == late == sorted(late, reverse=True)


@given(scenes(), st.floats(0, 60))
def test_a_tag_of_the_whole_frame_is_never_lowered_by_a_crop(scene: Scene, ms: float) -> None:
    told: dict[tuple[str, str], float] = {}
    for _ in range(8):
        seen = scene.watch(budget(ms))
        for look in seen.looks:
            if look.why == "glance":
                told = {(t.head, t.tag): t.score for t in look.tags}
        whole = {(t.head, t.tag, t.score) for t in seen.tags if t.box == (0, 0, WIDTH, HEIGHT)}
        assert {(*key, score) for key, score in told.items()} <= whole


@settings(max_examples=40)
@given(scenes(speed=2.0), st.integers(0, 3))
def test_a_label_does_not_flicker(scene: Scene, shake_px: int) -> None:
    """Under noisy looks at noisy places: what a thing was said to be and is not any more, it is
    not said to be again, unless it had to be looked at anew after it was settled or given up.
    """
    scene.noise, scene.shake_px = 4.0, float(shake_px)
    given_up: dict[int, set[tuple[str, str]]] = {}
    before: dict[int, list[Tag]] = {}
    for seen in watched(scene, 5 * SECOND, View()):
        now: dict[int, list[Tag]] = defaultdict(list)
        for tag in seen.tags:
            if tag.track is not None:
                now[tag.track].append(tag)
        for number in {*before, *now}:
            old, new = before.get(number, []), now[number]
            told = {(t.head, t.tag) for t in new}
            if is_anew(old, new) or is_hidden(old, new):
                given_up[number] = set()
            assert not told & given_up.setdefault(number, set())
            if not is_hidden(old, new):
                given_up[number] |= {(t.head, t.tag) for t in old} - told
        before = dict(now)


def is_anew(before: list[Tag], now: list[Tag]) -> bool:
    """Is a thing open again, or was it looked at again, that was settled, or unsure?"""
    return any(
        b.state != "open" and (n.looks > b.looks or n.state == "open") for b in before for n in now
    )


def is_hidden(before: list[Tag], now: list[Tag]) -> bool:
    """Could it have been settled and opened again without a word of it among the tags?"""
    return not now or any(n.looks > b.looks + 1 for b in before for n in now)


@settings(max_examples=25)
@given(scenes(), st.sampled_from([5.0, 20.0, float("inf")]))
def test_what_is_kept_stays_small(scene: Scene, ms: float) -> None:
    for seen in watched(scene, 6 * SECOND, budget(ms)):
        assert len(seen.candidates) <= MOST
        assert len({t.track for t in seen.tags if t.track is not None}) <= MOST_TRACKS
        assert 0 <= seen.coverage <= 1
        assert all(inside(t.box) for t in seen.tags)


def inside(box: Box) -> bool:
    return 0 <= box[0] < box[2] <= WIDTH and 0 <= box[1] < box[3] <= HEIGHT


@given(scenes())
def test_without_a_limit_nothing_is_shed(scene: Scene) -> None:
    for seen in watched(scene, 10, View()):
        assert seen.shed == {}
        assert seen.coverage == 1.0


@given(scenes(), st.floats(0, 60))
def test_the_same_frames_give_the_same_tags(scene: Scene, ms: float) -> None:
    other = Scene(
        scene.things, scene.focus_ms, scene.glance_ms, scene.has_glance, scene.noise,
        seed=scene.seed,
    )  # fmt: skip
    one, two = watched(scene, 8, budget(ms)), watched(other, 8, budget(ms))
    assert [seen.tags for seen in one] == [seen.tags for seen in two]
    assert [seen.shed for seen in one] == [seen.shed for seen in two]


@pytest.mark.parametrize("launches", [1.2, 1.7, 2.2, 3.0])
def test_a_budget_too_small_for_a_glance_and_a_look_is_shared_by_turns(launches: float) -> None:
    """In a scene that moves all the time, so that a glance is wanted in every frame."""
    scene = Scene([Thing("a", 10, 10, 30, 3.0, 2.0)], glance_ms=4.0)
    counts: dict[str, int] = defaultdict(int)
    for seen in watched(scene, 8 * SECOND, budget(launches * 4.0)):
        counts["heat"] += seen.heat is not None
        counts["tags"] += any(look.why == "glance" for look in seen.looks)
        counts["focus"] += any(look.why != "glance" for look in seen.looks)
    assert counts["tags"] >= 4
    assert min(counts["heat"], counts["focus"]) >= 8
