"""The laws of tracks: one thing, one number."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.glance.heat import Spot
from edge.memory.evidence import Evidence
from edge.memory.tracks import (
    BIRTHS,
    BORN,
    GONE_S,
    KEPT,
    MISSES,
    MOST,
    PASSED_S,
    Track,
    born,
    box_of,
    carried,
    follow,
    is_forgotten,
    joined,
    merged,
    nearest,
    predicted,
)
from edge.pictures.regions import alike

SEEDS = st.integers(0, 10_000)
STEP_S = 0.2


def spot(x: float, y: float, side: float = 80, heat: float = 0.9) -> Spot:
    half = side / 2
    return Spot((round(x - half), round(y - half), round(x + half), round(y + half)), heat)


def followed(glances: list[list[Spot]], step_s: float = STEP_S) -> list[tuple[Track, ...]]:
    """The tracks after each glance."""
    tracks: tuple[Track, ...] = ()
    next_id, after = 1, []
    for n, spots in enumerate(glances):
        tracks = follow(tracks, spots, n * step_s, next_id)
        next_id = max([next_id, *(t.id + 1 for t in tracks)])
        after.append(tracks)
    return after


@given(SEEDS, st.floats(-120, 120), st.floats(-120, 120))
def test_a_thing_that_moves_steadily_keeps_its_number_and_is_where_it_is_predicted(seed, dx, dy):
    """dx, dy in px/s; spots are off by some px, and so large that a thing is 80 px."""
    rng = np.random.default_rng(seed)
    places = [(2000 + dx * n * STEP_S, 1000 + dy * n * STEP_S) for n in range(25)]
    glances = [[spot(x + rng.normal(0, 4), y + rng.normal(0, 4))] for x, y in places]
    after = followed(glances)
    assert {t.id for tracks in after for t in tracks} == {1}
    last = after[-1][0]
    ahead = predicted(last, last.at_s + STEP_S)
    assert ahead.x == pytest.approx(places[-1][0] + dx * STEP_S, abs=25)
    assert ahead.y == pytest.approx(places[-1][1] + dy * STEP_S, abs=25)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_a_thing_that_is_seen_again_is_where_it_was_seen(dx, dy):
    """Nothing was known of its speed, so nothing was expected of its place."""
    before, after = followed([[spot(500, 500)], [spot(500 + dx, 500 + dy)]])
    assert [t.id for t in after] == [before[0].id]
    assert (after[0].x, after[0].y) == pytest.approx((500 + dx, 500 + dy), abs=1)


@given(SEEDS)
def test_heat_that_trembles_between_the_limits_ends_no_track_and_starts_none(seed):
    rng = np.random.default_rng(seed)
    faint = [[spot(500, 500, heat=rng.uniform(KEPT, BORN - 1e-3))] for _ in range(20)]
    assert {len(tracks) for tracks in followed(faint)} == {0}
    assert {len(tracks) for tracks in followed([[spot(500, 500, heat=BORN)], *faint])} == {1}


@given(SEEDS, st.integers(2, 12))
def test_things_apart_keep_apart(seed, count):
    """In any order of their spots, and each missed now and then."""
    rng = np.random.default_rng(seed)
    glances = []
    for n in range(15):
        spots = [spot(400 * i + 3 * n, 300 + rng.normal(0, 3)) for i in range(count)]
        seen = [s for s in spots if n == 0 or rng.random() < 0.8]
        rng.shuffle(seen)
        glances.append(seen)
    columns: dict[int, int] = {}
    for n, tracks in enumerate(followed(glances)):
        for track in tracks:
            column = round((track.x - 3 * n) / 400)
            assert columns.setdefault(track.id, column) == column


@st.composite
def storms(draw: Any) -> list[list[Spot]]:
    """Spots anywhere, of any heat, as many as a glance may give."""
    rng = np.random.default_rng(draw(SEEDS))
    return [
        [
            spot(*rng.uniform(0, 3000, 2), side=rng.uniform(1, 400), heat=rng.uniform(0.05, 1))
            for _ in range(rng.integers(0, 61))
        ]
        for _ in range(draw(st.integers(1, 25)))
    ]


@given(storms())
def test_tracks_are_few_and_are_born_by_and_by(glances):
    after = followed(glances)
    for before, now in zip([(), *after], after):
        ids = [t.id for t in now]
        assert len(set(ids)) == len(ids) <= MOST
        new = set(ids) - {t.id for t in before}
        assert len(new) <= BIRTHS
        assert not before or not new or min(new) > max(t.id for t in before)
        assert all(t.misses < MISSES for t in now)
        assert all(np.isfinite([t.x, t.y, t.wide, t.tall, t.dx, t.dy]).all() for t in now)
        for track in now:
            x0, y0, x1, y1 = box_of(track, 3000, 2000)
            assert 0 <= x0 < x1 <= 3000
            assert 0 <= y0 < y1 <= 2000


@given(storms())
def test_the_same_glances_give_the_same_tracks(glances):
    one, other = followed(glances), followed(glances)
    assert [[(t.id, t.x, t.y) for t in tracks] for tracks in one] == [
        [(t.id, t.x, t.y) for t in tracks] for tracks in other
    ]


def test_what_glances_miss_some_times_is_gone():
    after = followed([[spot(500, 500)], *[[]] * MISSES])
    assert [len(tracks) for tracks in after] == [1] * MISSES + [0]


def test_a_mark_on_a_shirt_is_not_taken_for_the_shirt():
    shirt, mark = spot(500, 500, 400), spot(510, 505, 50)
    first, second = followed([[shirt, mark], [mark, shirt]])
    assert [t.side for t in first] == [400, 50]
    assert [(t.id, round(t.side)) for t in second] == [(1, 400), (2, 50)]


def test_there_is_always_room_for_one_more():
    """The one that was not seen for longest makes way."""
    tracks = tuple(born(n, spot(10 * n, 0), at_s=float(n != 7)) for n in range(MOST))
    more = joined(tracks, born(MOST, spot(0, 0), 2.0))
    assert len(more) == MOST
    assert {t.id for t in more} == set(range(MOST + 1)) - {7}
    assert len(joined(tracks[:3], born(9, spot(0, 0), 2.0))) == 4


@pytest.mark.parametrize(("has_moved", "lasts_s"), [(False, GONE_S), (True, PASSED_S)])
def test_what_nothing_shows_for_long_is_forgotten(has_moved, lasts_s):
    track = born(1, spot(500, 500), 0.0)
    assert not is_forgotten(track, lasts_s, has_moved)
    assert is_forgotten(track, lasts_s + 0.1, has_moved)


@given(st.floats(-120, 120), st.floats(-120, 120), st.integers(2, 20))
def test_what_moves_carries_a_thing_that_no_glance_sees(dx, dy, count):
    """It is where the motion is, and no surer for it; what moves elsewhere carries nothing."""
    track = born(1, spot(2000, 1000), 0.0)
    for n in range(1, count + 1):
        at_s = n * STEP_S
        box = spot(2000 + dx * at_s, 1000 + dy * at_s).box
        [track] = carried([track], [spot(500, 500).box, box], at_s)
    assert (track.x, track.y) == pytest.approx((2000 + dx * at_s, 1000 + dy * at_s), abs=25)
    assert (track.id, track.seen_s, track.heat) == (1, 0.0, 0.9)
    assert carried([track], [spot(500, 500).box], at_s + STEP_S) == (track,)


def test_a_glance_does_not_miss_what_moved_in_the_same_frame():
    [track] = carried([born(1, spot(500, 500), 0.0)], [spot(510, 500).box], STEP_S)
    assert follow([track], [], STEP_S, 2)[0].misses == 0
    assert follow([track], [], 2 * STEP_S, 2)[0].misses == 1


def test_a_thing_is_met_near_where_it_was():
    tracks = followed([[spot(500, 500), spot(1500, 500)]])[-1]
    assert nearest(tracks, spot(520, 480), 0.2) == 1
    assert nearest(tracks, spot(900, 500), 0.2) is None
    assert nearest((), spot(900, 500), 0.2) is None


@given(storms())
def test_no_two_tracks_tell_the_same_of_one_place(glances):
    tracks = [
        msgspec.structs.replace(track, evidence=Evidence(names=(("kind", track.id % 3),)))
        for track in followed(glances)[-1]
    ]
    boxes = [box_of(track, 3000, 2000) for track in tracks]
    kept = merged(tracks, boxes)
    assert kept == merged(kept, [boxes[tracks.index(t)] for t in kept])
    for track, box in zip(tracks, boxes):
        same = [
            boxes[tracks.index(other)]
            for other in kept
            if other.id < track.id and other.id % 3 == track.id % 3
        ]
        assert (track in kept) != any(alike(box, other) for other in same)
