"""The laws of fusing, whatever was told of whatever place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.memory.fuse import fuse
from edge.pictures.regions import grid, shared_px, tile_px_for, union
from edge.records import Box, Region, Tag

WIDTH, HEIGHT = 300, 200
WHOLE = (0, 0, WIDTH, HEIGHT)


@st.composite
def boxes(draw: Any) -> Box:
    x0, y0 = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return x0, y0, draw(st.integers(x0 + 1, WIDTH)), draw(st.integers(y0 + 1, HEIGHT))


@st.composite
def tags(draw: Any, box: Box | None = None, is_thing: bool = False) -> Tag:
    return Tag(
        draw(st.sampled_from(["fish", "words"])),
        draw(st.sampled_from("abc")),
        None,
        draw(st.floats(0, 1)),
        box or draw(boxes()),
        draw(st.integers(1, 9)) if is_thing else None,
    )


WHOLES = st.lists(tags(WHOLE), max_size=4, unique_by=lambda t: (t.head, t.tag))
PLACES = st.lists(tags(), max_size=8)
THINGS = st.lists(tags(is_thing=True), max_size=6, unique_by=lambda t: t.track)


@given(WHOLES, PLACES, THINGS)
def test_a_tag_of_the_whole_frame_passes_as_it_is(glance, places, things):
    fused = fuse(glance, places, things)
    assert all(tag in fused for tag in glance)


@given(WHOLES, PLACES, THINGS, st.integers(1, 4))
def test_no_closer_look_lowers_it_among_the_best_either(glance, places, things, top_k):
    """It may be told at a better place, or others may be better; never at a lower score."""
    fused = fuse(glance, places, things, top_k)
    for tag in glance:
        told = [t for t in fused if (t.head, t.tag) == (tag.head, tag.tag)]
        others = [t for t in fused if t.head == tag.head]
        if told:
            assert told[0].score >= tag.score
        else:
            assert len(others) == top_k
            assert min(t.score for t in others) >= tag.score


@given(WHOLES, PLACES, THINGS, st.randoms(use_true_random=False))
def test_the_order_of_looks_is_no_matter(glance, places, things, rng):
    shuffled = [list(part) for part in (glance, places, things)]
    for part in shuffled:
        rng.shuffle(part)
    assert fuse(*shuffled) == fuse(glance, places, things)


@given(WHOLES, PLACES, THINGS)
def test_everything_told_somewhere_is_told(glance, places, things):
    """Merged, never lost: each tag of a look is told at a place that touches it."""
    fused = fuse(glance, places, things)
    for tag in [*places, *things]:
        near = [t for t in fused if (t.head, t.tag) == (tag.head, tag.tag)]
        assert any(shared_px(t.box, tag.box) > 0 for t in near)


@given(st.data(), st.sampled_from([16, 24, 32]))
def test_a_thing_cut_by_seams_is_told_once(data, input_px):
    """Every tile that holds a fifth of it tells it; where a track holds it, that alone does."""
    tile_px = tile_px_for(WIDTH, HEIGHT, input_px)
    side = data.draw(st.integers(tile_px // 4, tile_px))
    x = data.draw(st.integers(0, WIDTH - side))
    y = data.draw(st.integers(0, HEIGHT - side))
    thing = (x, y, x + side, y + side)
    tiles = [t for t in grid(WIDTH, HEIGHT, tile_px, tile_px // 4) if part(thing, t) >= 0.2]
    told = [Tag("fish", "bream", None, 0.5 + 0.4 * part(thing, t), t.box) for t in tiles]
    [alone] = fuse([], told)
    assert alone.box == union([t.box for t in tiles])
    assert alone.score == pytest.approx(max(t.score for t in told))
    track = replace(told[0], box=thing, track=4, score=0.7)
    assert fuse([], told, [track]) == (track,)


def part(thing: Box, tile: Region) -> float:
    area = (thing[2] - thing[0]) * (thing[3] - thing[1])
    return shared_px(thing, tile.box) / area
