"""The way of one frame, on the null engine."""

from __future__ import annotations

import numpy as np
import pytest

from edge.frames import Past, View, tag_frame
from edge.records import Budget
from edge.regions import area_px
from edge.tagger import open_tagger
from tests.tiny import paint


@pytest.fixture
def tagger(tiny_bundle):
    with open_tagger(tiny_bundle) as opened:
        yield opened


@pytest.fixture
def halves():
    """(60, 90, 3): red at the left, blue at the right."""
    return np.hstack([paint("red", 60, 45), paint("blue", 60, 45)])


class Clock:
    """Each look at it takes `step_ms`."""

    def __init__(self, step_ms: float) -> None:
        self.now_s, self.step_ms = 0.0, step_ms

    def __call__(self) -> float:
        self.now_s += self.step_ms / 1e3
        return self.now_s


def test_a_closer_look_finds_what_the_glance_cannot(tagger, halves):
    glance = tag_frame(tagger, halves, View(whole=True))
    assert "red" not in {tag.tag for tag in glance.tags}
    closer = tag_frame(tagger, halves)
    boxes = {tag.tag: tag.box for tag in closer.tags if tag.head == "colours"}
    assert boxes["red"][2] <= 60
    assert boxes["blue"][0] >= 30


def test_a_glance_alone_spends_one_look_and_covers_what_was_asked(tagger, halves):
    seen = tag_frame(tagger, halves, View(whole=True))
    assert (seen.spent.glances, seen.spent.crops, seen.coverage) == (1, 0, 1.0)
    assert all(tag.box == (0, 0, 90, 60) for tag in seen.tags)


def test_a_small_frame_needs_no_closer_look(tagger):
    assert tag_frame(tagger, paint("red", 10, 20)).spent.crops == 0


def test_time_in_the_engine_is_part_of_the_time_spent(tagger, halves):
    spent = tag_frame(tagger, halves).spent
    assert 0 < spent.engine_ms < spent.total_ms


def test_no_budget_leaves_the_glance_alone(tagger, halves):
    seen = tag_frame(tagger, halves, View(budget=Budget(frame_ms=0)))
    assert (seen.spent.crops, seen.coverage) == (0, 0.0)


def test_looking_stops_before_the_budget_is_passed(tagger, halves):
    """Each reading of the clock takes 1 ms, so a look takes 2 and the third would end too late."""
    clock = Clock(step_ms=1.0)
    seen = tag_frame(tagger, halves, View(budget=Budget(frame_ms=7.5)), clock=clock)
    assert 1 <= seen.spent.crops <= 3
    assert 0 < seen.coverage < 1


def test_a_limit_of_regions_is_kept(tagger, halves):
    assert tag_frame(tagger, halves, View(budget=Budget(max_regions=4))).spent.crops == 4


def test_successive_frames_sweep_the_whole_picture(tagger, halves):
    """15 tiles, 4 a frame: after 4 frames each was looked at, the 5th begins again."""
    looked: list[tuple[int, int, int, int]] = []

    class Watched:
        heads, tags, input_px = tagger.heads, tagger.tags, tagger.input_px

        def look(self, rgb, regions):
            looked.extend(r.box for r in regions if r.kind == "tile")
            return tagger.look(rgb, regions)

    past = Past()
    for _ in range(4):
        tag_frame(Watched(), halves, View(budget=Budget(max_regions=4)), past)
    assert len(set(looked[:15])) == 15
    assert area_px(looked) == 90 * 60


def test_a_new_frame_size_forgets_the_old_tiles(tagger, halves):
    past = Past()
    tag_frame(tagger, halves, past=past)
    tag_frame(tagger, paint("red", 40, 50), past=past)
    assert len(past._waited) < 10


def test_top_k_gives_tags_below_their_threshold(tagger):
    seen = tag_frame(tagger, paint("black", 10, 10), View(top_k=2))
    assert [tag.head for tag in seen.tags].count("colours") == 2
    assert [tag.head for tag in seen.tags].count("hues") == 2


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "rgba", "float", "empty"],
)
def test_an_array_that_is_no_frame_is_refused(tagger, rgb):
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
        tag_frame(tagger, rgb)


def test_the_public_tagger_tags_and_embeds_any_view_of_an_array(tagger, halves):
    flipped = np.ascontiguousarray(halves[..., ::-1])
    assert tagger.tag(halves[..., ::-1]) == tagger.tag(flipped)
    assert tagger.embed(halves[..., ::-1]) == pytest.approx(tagger.embed(flipped))
