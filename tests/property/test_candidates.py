"""The laws of candidates, whatever there is to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.pictures.regions import grid, tile_px_for
from edge.records import Box, Budget
from edge.schedule.candidates import (
    FILLS,
    LEAST_PX,
    Item,
    candidates,
    crop_around,
    question_of,
    sees,
)
from edge.schedule.plan import EXPLORING, MOST, plan

SIZES = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
WHYS = st.sampled_from(["track", "heat", "moved", "aged"])


@st.composite
def boxes(draw: Any, width: int, height: int) -> Box:
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))


@st.composite
def scenes(draw: Any) -> tuple[list[Item], int, int, int]:
    """Items, width, height, input_px; a few of each kind or more than there is room for."""
    width, height = draw(SIZES)
    some = draw(st.lists(boxes(width, height), max_size=6))
    times = draw(st.sampled_from([1, 1, 40]))
    items = [
        Item(box, draw(st.floats(0, 1)), draw(WHYS), draw(st.floats(-9, 9))) for box in some * times
    ]
    return items, width, height


@given(scenes())
def test_they_are_few_and_inside_the_frame_one_an_item(scene):
    items, width, height = scene
    found = candidates(items, width, height)
    assert len(found) == min(len(items), MOST)
    assert len({c.item for c in found}) == len(found)
    for candidate in found:
        x0, y0, x1, y1 = candidate.region.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        is_tile = items[candidate.item].why == "aged"
        assert candidate.region.kind == ("tile" if is_tile else "crop")


@given(scenes())
def test_a_tenth_of_the_places_is_for_exploration(scene):
    items, width, height = scene
    found = candidates(items, width, height)
    aged = sum(item.why == "aged" for item in items)
    explored = sum(items[c.item].why == "aged" for c in found)
    assert explored >= min(aged, round(EXPLORING * MOST))


@given(scenes())
def test_no_item_gives_way_to_one_that_is_less_overdue_or_worth_less(scene):
    items, width, height = scene
    chosen = {c.item for c in candidates(items, width, height)}
    things = [i for i, item in enumerate(items) if item.why != "aged"]
    inside = [(max(items[i].due_s, 0), items[i].worth) for i in things if i in chosen]
    outside = [(max(items[i].due_s, 0), items[i].worth) for i in things if i not in chosen]
    assert not inside or not outside or max(outside) <= min(inside)


@given(st.data(), SIZES)
def test_a_thing_fills_its_crop_and_lies_in_it(data, size):
    """To FILLS, but for the least side and the px that a side is rounded up to; never cut."""
    width, height = size
    box = data.draw(boxes(width, height))
    longest = max(box[2] - box[0], box[3] - box[1])
    crop = crop_around(box, width, height)
    assert crop.x0 <= box[0] < box[2] <= crop.x1
    assert crop.y0 <= box[1] < box[3] <= crop.y1
    side = max(crop.x1 - crop.x0, crop.y1 - crop.y0)
    assume(side < max(width, height))  # else the frame itself is the limit
    assert longest <= FILLS * side + 1
    assert longest >= FILLS * (side - 1) or side == LEAST_PX


@given(st.data(), SIZES)
def test_a_crop_is_square_unless_the_frame_cuts_it(data, size):
    """One shape, so that things keep their proportions at the input."""
    width, height = size
    crop = crop_around(data.draw(boxes(width, height)), width, height)
    wide, tall = crop.x1 - crop.x0, crop.y1 - crop.y0
    assert wide in (tall, width) or tall == height


@given(scenes())
def test_what_a_look_sees_is_a_chance_and_of_things_its_own_alone(scene):
    items, width, height = scene
    found = candidates(items, width, height)
    seen = sees(items, found)
    assert seen.shape == (len(found), len(items))
    assert ((seen >= 0) & (seen <= 1 + 1e-6)).all()
    for row, candidate in zip(seen, found):
        for i in np.nonzero(row)[0]:
            assert items[i].why in ("aged", "moved") or i == candidate.item


@given(scenes(), st.floats(0, 50), st.floats(0, 400))
def test_whatever_there_is_can_be_planned(scene, cost_ms, budget_ms):
    items, width, height = scene
    found = candidates(items, width, height)
    chosen = plan(question_of(items, found, cost_ms), Budget(budget_ms))
    assert sum(c.cost_ms for c in chosen) <= budget_ms * (1 + 1e-6)


@given(st.integers(500, 4000), st.integers(500, 4000))
def test_looks_at_all_tiles_see_the_whole_frame(width, height):
    """Whatever happens to lie in it: each area is held by its own tile, and by others in part."""
    tile_px = tile_px_for(width, height, 96)
    tiles = grid(width, height, tile_px, tile_px // 4)
    items = [Item(tile.box, 0.1, "aged") for tile in tiles]
    seen = sees(items, candidates(items, width, height)[:MOST])
    assert (seen.max(0)[: len(seen)] == 1).all()
