"""The picture that says why: what is on it follows from what was seen, at any size of frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace

from edge.explain import column
from edge.explain.map import COLOURS, TAG
from edge.explain.panel import AROUND, ENGINE, OVER, STATES
from edge.explain.picture import LONGEST, SHORTEST, explained
from edge.glance.heat import Heat
from edge.records import U8, Attribute, FrameTags, Region, Spent, Tag
from edge.schedule.candidates import Candidate, Item
from edge.seen import Looked, Seen, Skipped

SPENT = Spent(30.0, 24.0, 1, 1)
LOOKED, SKIPPED, OTHER = (
    Region(0, 0, 400, 400),
    Region(800, 400, 1200, 800),
    Region(0, 500, 90, 590),
)


def grey(width: int = 1600, height: int = 900) -> U8:
    return np.full((height, width, 3), 160, np.uint8)


def line(width: int = 1600, height: int = 900, tags: tuple[Tag, ...] = ()) -> FrameTags:
    return FrameTags(
        1, "shop/a.jpg", 3, "2026-01-01T00:00:00.000Z", (width, height), tags, SPENT,
        0.25, 3.5, {"heat": 1}, "b@1", "null/CPU",
    )  # fmt: skip


def seen(**changes) -> Seen:
    ages = np.full((24, 24), np.inf, np.float32)
    ages[:12, :6] = 0.0
    usual = Seen(
        (), SPENT, 0.25, 3.5, (Looked(LOOKED, "track", (), 12.0, 0.5, 11.0),),
        (Skipped(SKIPPED, "heat"),), None, None,
        items=(Item((10, 10, 50, 50), 0.5, "track"), Item((20, 520, 60, 560), 0.1, "moved")),
        candidates=(Candidate(LOOKED, 0), Candidate(OTHER, 1)), budget_ms=50.0, ages_s=ages,
    )  # fmt: skip
    return replace(usual, **changes)


def test_what_was_looked_at_is_bright_and_the_rest_is_dim():
    frame = grey()
    drawn = explained(frame, line(), seen())
    assert (drawn[100:300, 100:300] == 160).all()
    assert drawn[700:750, 100:700].max() < 110
    assert (frame == 160).all()


def test_what_a_look_saw_stands_below_the_frame():
    frame = grey()
    frame[:400, :400] = (10, 200, 30)
    drawn = explained(frame, line(), seen())
    assert (drawn[940:, :1600] == (10, 200, 30)).all(-1).sum() > 60 * 60
    assert drawn.shape == explained(frame, line(), seen(looks=())).shape


def test_every_kind_of_region_has_its_edge():
    drawn = explained(grey(), line(), seen())
    assert tuple(drawn[1, 200]) == COLOURS["track"]
    assert tuple(drawn[200, 1]) == COLOURS["track"]
    edge = (drawn[400, 800:1200] == COLOURS["heat"]).all(-1).mean()
    assert 0.3 < edge < 0.7  # in dashes
    assert tuple(drawn[500, 45]) not in (COLOURS["moved"], tuple(drawn[600, 45]))  # thin and faint


def test_hot_places_glow():
    heat = np.zeros((24, 24, 1), np.float32)
    heat[18, 18] = 0.9
    drawn = explained(grey(), line(), seen(heat=Heat(heat, ())))
    hot, cold = drawn[694, 1233].astype(int), drawn[694, 300].astype(int)
    assert hot[0] - hot[2] > 80
    assert abs(cold[0] - cold[2]) < 3


def test_a_thin_frame_is_told_of_where_it_is_and_not_in_the_room_beside_it():
    heat = np.zeros((24, 24, 1), np.float32)
    heat[10:14, 12:] = 0.9  # in the right half
    whole = Tag("fish", "perch", None, 0.9, (0, 0, 100, 1000))
    found = seen(heat=Heat(heat, ()), looks=(), skipped=(), candidates=())
    drawn = explained(grey(100, 1000), line(100, 1000, (whole,)), found)
    wide = round(100 * SHORTEST / 1000)
    assert not drawn[:SHORTEST, wide : 3 * wide].any()
    hot, cold = (drawn[SHORTEST // 2, x].astype(int) for x in (3 * wide // 4, wide // 4))
    assert hot[0] - hot[2] > 60 > abs(cold[0] - cold[2])
    assert (drawn[:SHORTEST] == TAG).all(-1)[:, :wide].sum() == 0  # all of it has no box


def test_a_tag_stands_at_its_thing():
    tag = Tag("grocery", "Lime", None, 0.9, (500, 300, 600, 380), 1, 3, 0.2, "settled")
    drawn = explained(grey(), line(tags=(tag,)), seen())
    assert tuple(drawn[340, 500]) == TAG
    assert (np.abs(drawn[380:410, 500:700].astype(int) - TAG).max(-1) < 30).any()


def test_the_bar_is_as_long_as_what_it_stands_for():
    """24 of 30 ms in the engine, of a budget of 50."""
    drawn = explained(grey(), line(), seen())
    panel = drawn[:, 1600:]
    rows = (panel == ENGINE).all(-1).sum(1)
    bar = panel[int(rows.argmax())]
    engine = (bar == ENGINE).all(-1).sum()
    around = (bar == AROUND).all(-1).sum()
    left = (bar == column.CARD).all(-1).sum()
    total = engine + around + left
    assert [round(part / total, 2) for part in (engine, around, left)] == [0.48, 0.12, 0.4]
    assert not (panel == OVER).all(-1).any()


def test_what_was_spent_beyond_the_budget_is_red():
    drawn = explained(grey(), line(), seen(budget_ms=20.0))
    assert (drawn[:, 1600:] == OVER).all(-1).any()


def test_without_a_budget_nothing_is_left_and_nothing_is_over():
    drawn = explained(grey(), line(), seen(budget_ms=math.inf, ages_s=None))
    assert not (drawn[:, 1600:] == OVER).all(-1).any()


def test_more_of_everything_takes_no_more_room():
    few = explained(grey(), line(), seen())
    tags = tuple(Tag("a", f"tag {n}", None, 0.5, (n, n, n + 9, n + 9)) for n in range(200))
    looks = tuple(Looked(LOOKED, "aged", tags[:1], 2.0, 0.1, 2.0) for _ in range(100))
    many = explained(grey(), line(tags=tags), seen(looks=looks, skipped=(Skipped(OTHER, "aged"),)))
    assert many.shape == few.shape


def test_a_garment_has_a_line_more_for_its_colour_and_attributes():
    shirt = Tag("clothes", "Shirt", None, 0.9, (500, 300, 600, 380))
    said = (Attribute("sleeve", "long-sleeve", 0.9), Attribute("pattern", "checked", 0.8))
    plain, worn = (
        explained(grey(), line(tags=(one, shirt)), seen())[:, 1600:]
        for one in (shirt, replace(shirt, colour="navy", attributes=said))
    )
    assert worn.shape == plain.shape
    lines = [np.flatnonzero((panel == STATES["open"]).all(-1).any(1)) for panel in (plain, worn)]
    assert lines[1].max() - lines[0].max() > 15  # the second shirt stands a line further down
    many = tuple(replace(shirt, colour="navy", attributes=said) for _ in range(200))
    assert explained(grey(), line(tags=many), seen())[:, 1600:].shape == plain.shape


@pytest.mark.parametrize(
    "size", [(1, 1), (3000, 1), (1, 3000), (320, 240), (3840, 2160), (1080, 1920)], ids=str
)
def test_any_size_of_frame_can_be_read(size):
    """The frame, the strip below it and the panel beside it; letters of 15 px and more."""
    width, height = size
    whole = Region(0, 0, width, height)
    looks = (Looked(whole, "heat", (), 1.0),)
    box = (0, 0, max(1, width // 2), height)
    drawn = explained(
        np.zeros((height, width, 3), np.uint8),
        line(width, height, (Tag("a", "b", None, 0.5, box),)),
        seen(looks=looks, skipped=(), candidates=()),
    )
    shown = min(max(*size, SHORTEST), LONGEST)
    assert 400 < drawn.shape[1] <= 1.5 * shown
    assert 400 < drawn.shape[0] <= 1.3 * shown
    assert shown / 84 >= 15


def test_names_from_outside_are_only_drawn():
    """Nothing in a file's name or a tag reaches anything but the picture."""
    odd = "\x1b[2J" + "ä" * 200 + "\n"
    tag = Tag(odd, odd, odd, 1.0, (5, 5, 500, 400))
    drawn = explained(grey(), replace(line(tags=(tag,)), source=odd, bundle=odd), seen())
    assert drawn.shape == explained(grey(), line(), seen()).shape
