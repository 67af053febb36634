"""The way of one frame, on the null engine."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest

from edge.frames import tag_frame, too_tight
from edge.length import ruler
from edge.length.plane import FlatPlane
from edge.length.ruler import Ruler
from edge.memory.known import Memory
from edge.pictures.regions import shared
from edge.records import Budget, Region
from edge.seen import View
from edge.tagger import open_tagger
from tests.scenery import Scene, Thing
from tests.tiny import paint


@pytest.fixture
def tagger(tiny_bundle):
    with open_tagger(tiny_bundle) as opened:
        yield opened


@pytest.fixture
def halves():
    """(60, 90, 3): red at the left, blue at the right."""
    return np.hstack([paint("red", 60, 45), paint("blue", 60, 45)])


def test_a_closer_look_finds_what_the_glance_cannot(tagger, halves):
    glance = tag_frame(tagger, halves, View(whole=True))
    assert "red" not in {tag.tag for tag in glance.tags}
    closer = tag_frame(tagger, halves)
    boxes = {tag.tag: tag.box for tag in closer.tags if tag.head == "colours"}
    assert boxes["red"][2] <= 60
    assert boxes["blue"][0] >= 30


def test_tags_of_a_head_whose_things_have_a_colour_say_it(tagger, halves, monkeypatch):
    assert all(tag.colour is msgspec.UNSET for tag in tag_frame(tagger, halves).tags)
    monkeypatch.setattr("edge.heads.colour.GARMENTS", {"colours"})
    seen = tag_frame(tagger, halves)
    told = {tag.tag: tag.colour for tag in seen.tags if tag.head == "colours"}
    assert told["red"] == "red"
    assert told["blue"] == "blue"
    assert all(tag.colour is msgspec.UNSET for tag in seen.tags if tag.head != "colours")


def test_a_budget_without_time_for_a_closer_look_is_told(tagger, monkeypatch):
    assert (too_tight(tagger, View()), too_tight(tagger, View(budget=Budget(1e6)))) == ("", "")
    monkeypatch.setattr(tagger.pace, "stopped_ms", {"focus": 40.0}.get)
    assert too_tight(tagger, View(budget=Budget(80))) == ""
    assert "up to 40 ms here" in too_tight(tagger, View(budget=Budget(60)))
    assert too_tight(tagger, View(whole=True, budget=Budget(60))) == ""


def test_a_glance_alone_spends_one_look_and_covers_what_was_asked(tagger, halves):
    seen = tag_frame(tagger, halves, View(whole=True))
    assert (seen.spent.glances, seen.spent.crops, seen.coverage) == (1, 0, 1.0)
    assert all(tag.box == (0, 0, 90, 60) for tag in seen.tags)


def test_a_small_frame_needs_no_closer_look(tagger):
    assert tag_frame(tagger, paint("red", 10, 20)).spent.crops == 0


@pytest.mark.parametrize(
    ("at_s", "budget", "is_fine"),
    [(None, Budget(), True), (0.0, Budget(), False), (None, Budget(1e6), False)],
)
def test_a_small_picture_gets_smaller_tiles_and_no_frame_of_a_clip(tagger, at_s, budget, is_fine):
    side = tagger.input_px
    picture = np.full((4 * side, 5 * side, 3), 128, np.uint8)
    looks = tag_frame(tagger, picture, View(budget=budget), Memory(), at_s=at_s).looks
    assert (side in {look.region.x1 - look.region.x0 for look in looks}) == is_fine


@pytest.mark.parametrize(("red", "at_s", "is_told"), [(112, None, True), (112, 0.0, False),
                                                      (255, 0.0, True)])  # fmt: skip
def test_a_tile_is_one_of_many_in_a_clip_and_must_be_so_much_surer(tagger, red, at_s, is_told):
    """At 112 a tile says red with 0.81 and none with 0.18; ten tiles and more are the frame."""
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, :45, 0] = red
    seen = tag_frame(tagger, picture, View(), Memory(), at_s=at_s)
    best = tag_frame(tagger, picture, View(top_k=1), Memory(), at_s=at_s)
    assert ("red" in {tag.tag for tag in seen.tags}) == is_told
    assert "red" in {tag.tag for tag in best.tags}


def test_a_tile_where_something_moved_needs_to_be_no_surer(tagger):
    past, before = Memory(), np.zeros((60, 90, 3), np.uint8)
    after = before.copy()
    after[:, :45, 0] = 112
    for at_s in (0.0, 0.1, 0.2):
        tag_frame(tagger, before, View(), past, at_s=at_s)
    assert "red" in {tag.tag for tag in tag_frame(tagger, after, View(), past, at_s=0.3).tags}


def test_time_in_the_engine_is_part_of_the_time_spent(tagger, halves):
    spent = tag_frame(tagger, halves).spent
    assert 0 < spent.engine_ms < spent.total_ms


def test_no_budget_leaves_the_glance_alone(tagger, halves):
    seen = tag_frame(tagger, halves, View(budget=Budget(frame_ms=0)))
    assert (seen.spent.crops, seen.coverage) == (0, 0.0)


@pytest.mark.parametrize("ms", [float("nan"), -1.0])
def test_a_budget_that_is_no_time_is_refused(ms):
    with pytest.raises(ValueError, match=r"frame_ms is .*, expected ms, 0 or more"):
        Budget(frame_ms=ms)
    with pytest.raises(ValueError, match="frame_ms is"):
        msgspec.structs.replace(Budget(), frame_ms=ms)


def test_looking_stops_before_the_budget_is_passed():
    """4 ms a look: the whole frame, and two tiles of 15; the third would end after 16 ms."""
    scene = Scene(has_glance=False, focus_ms=4.0)
    seen = scene.watch(View(budget=Budget(frame_ms=14.0)))
    assert (seen.spent.glances, seen.spent.crops) == (1, 2)
    assert 0 < seen.coverage < 0.3
    assert seen.shed == {"aged": 10}


def test_what_is_lent_ends_when_another_camera_waits():
    """4 ms a look, 10 of 100 ms its own: the whole frame and a tile; then nothing."""
    asked = []

    def is_waited_for():
        asked.append(scene.now_s)
        return True

    scene = Scene(has_glance=False, focus_ms=4.0)
    lent = View(budget=Budget(frame_ms=100.0, sure_ms=10.0))
    alone = Scene(has_glance=False, focus_ms=4.0).watch(lent)
    assert alone.spent.crops == 12
    seen = scene.watch(lent, is_waited_for)
    assert (seen.spent.glances, seen.spent.crops) == (1, 1)
    assert asked  # and not for what is its own
    assert min(asked) >= 0.008


def test_exploration_has_what_it_is_given_and_what_it_could_not_use_before():
    """4 ms a look, 2.5 ms a frame: none, then one of two frames or so; the other tiles are shed."""
    scene = Scene(has_glance=False, focus_ms=4.0)
    view = View(budget=Budget(frame_ms=100.0, exploring_ms=2.5))
    seen = [scene.watch(view) for _ in range(8)]
    aged = [sum(look.why == "aged" for look in frame.looks) for frame in seen]
    assert aged == [0, 1, 0, 1, 1, 0, 1, 1]
    assert [frame.shed["aged"] for frame in seen[:4]] == [12, 11, 11, 10]


def test_a_limit_of_regions_is_kept(tagger, halves):
    assert tag_frame(tagger, halves, View(budget=Budget(max_regions=4))).spent.crops == 4


def test_successive_frames_sweep_the_whole_picture(tagger, halves):
    """15 tiles, 4 a frame: after 4 frames each was looked at once, and nothing is left to do."""
    past, looked = Memory(), []
    for n in range(5):
        seen = tag_frame(
            tagger, halves, View(budget=Budget(max_regions=4)), past, at_s=0.1 * n
        )  # fmt: skip
        looked.append([look.region.box for look in seen.looks if look.why == "aged"])
    assert [len(boxes) for boxes in looked] == [4, 4, 4, 3, 0]
    every = [box for boxes in looked for box in boxes]
    assert len(set(every)) == 15
    seen_px = np.zeros((60, 90), bool)
    for x0, y0, x1, y1 in every:
        seen_px[y0:y1, x0:x1] = True
    assert seen_px.all()
    assert seen.coverage == 1.0


def test_a_new_frame_size_forgets_what_was_seen(tagger, halves):
    past = Memory()
    assert tag_frame(tagger, halves, past=past).coverage == 1.0
    seen = tag_frame(tagger, paint("red", 40, 50), View(budget=Budget(max_regions=0)), past)
    assert seen.coverage == 0.0
    assert {tag.tag for tag in seen.tags} == {"red", "reddish"}


def test_a_thing_is_followed_and_settled():
    """Told from the first frame on, at its place, under one number; then left in peace."""
    scene = Scene([Thing("c", 40, 60, 24, 3.0, 1.0)])
    for n in range(12):
        seen = scene.watch()
        [tag] = [t for t in seen.tags if t.track is not None and t.head == "kind"]
        assert (tag.tag, tag.track) == ("c", 1)
        assert shared(tag.box, scene.things[0].box(n)) > 0.6
    assert tag.state == "settled"
    assert tag.looks < 6
    assert tag.age_s > 0


def test_a_newcomer_is_told_in_the_frame_it_comes_in():
    scene = Scene([Thing("d", 200, 100, 24, since=6)])
    seen = [scene.watch() for _ in range(8)]
    told = [any(t.tag == "d" and t.track for t in frame.tags) for frame in seen]
    assert told == [False] * 6 + [True] * 2


def test_a_still_scene_costs_next_to_nothing_once_it_is_known():
    scene = Scene([Thing("a", 40, 60, 24), Thing("b", 200, 100, 30)])
    first = scene.watch()
    later = [scene.watch() for _ in range(50)]
    looks = [frame.spent.crops + frame.spent.glances for frame in later[10:]]
    assert first.spent.crops >= 12
    assert sum(looks) <= 15 * len(looks) / 30 + len(scene.things)


def test_whatever_the_budget_there_is_a_look_a_second():
    """At everything in turn: the frame, where to look, and the most promising place."""
    scene = Scene([Thing("a", 40, 60, 24, 2.0, 0.0)])
    seen = [scene.watch(View(budget=Budget(frame_ms=0.0))) for _ in range(31)]
    whys = ["heat" if frame.heat else frame.looks[0].why for frame in seen if any(launched(frame))]
    assert len(whys) == 7
    assert whys[:2] == ["glance", "heat"]
    assert whys.count("glance") >= 2
    assert set(whys) - {"glance"}


def launched(seen):
    return seen.spent.glances, seen.spent.crops


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
        np.ones((8, 12, 3), bool),
        np.ones((8, 12, 3), np.uint16),
        [[[0, 0, 0]]],
        None,
        "shelf.jpg",
    ],
    ids=["grey", "rgba", "float", "empty", "bool", "16 bits", "list", "None", "path"],
)
def test_what_is_no_frame_is_refused(tagger, rgb):
    """Of the input's size too, where nothing has to be resized."""
    ask = tagger.tag, tagger.embed, lambda rgb: tagger.look(rgb, [Region(0, 0, 4, 4)])
    for one in ask:
        with pytest.raises(ValueError, match=r"frame is .*, expected .*uint8 \(H, W, 3\)"):
            one(rgb)


def test_the_public_tagger_tags_and_embeds_any_view_of_an_array(tagger, halves):
    flipped = np.ascontiguousarray(halves[..., ::-1])
    assert tagger.tag(halves[..., ::-1]) == tagger.tag(flipped)
    assert tagger.embed(halves[..., ::-1]) == pytest.approx(tagger.embed(flipped))


def test_a_frame_that_comes_too_early_has_nothing_that_was_seen_later(tagger, halves):
    """Decoders of damaged streams give such times: tags were -0.3 s old."""
    past = Memory()
    for at_s in (50.0, 49.7):
        seen = tag_frame(tagger, halves, View(budget=Budget(60.0)), past, at_s=at_s)
        assert min(tag.age_s for tag in seen.tags) == 0
        assert seen.oldest_s >= 0


@pytest.mark.parametrize(("budget", "told"), [(Budget(60.0), 60.0), (Budget(), msgspec.UNSET)])
def test_what_a_frame_was_allowed_is_told(tagger, halves, budget, told):
    assert tag_frame(tagger, halves, View(budget=budget)).spent.budget_ms == told


@pytest.fixture
def belt():
    """A fish, measured dearly; light flickers in a corner, or nothing moves."""
    pixels = np.full((600, 900, 3), 230, np.uint8)
    cv2.ellipse(pixels, (430, 300), (180, 40), 0, 0, 360, (70, 80, 60), -1)
    cv2.fillPoly(pixels, [np.array([[600, 300], [680, 250], [680, 350]])], (70, 80, 60))
    return lambda n: cv2.rectangle(pixels.copy(), (0, 0), (99, 99), (n % 2 * 255,) * 3, -1)


@pytest.mark.parametrize(("moves", "measured_s"), [(True, [0, 1, 2, 3]), (False, [0])])
def test_fish_are_measured_in_turns_where_no_budget_has_time_for_it(
    tagger, belt, moves, measured_s
):
    """And looks are not left out for what measuring took."""
    view = View(budget=Budget(60.0), ruler=Ruler(FlatPlane(1.0)))
    past, told, looks = Memory(), [], []
    clock = Dear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ruler, "perf_counter", clock)
        patch.setattr(ruler, "pieces_of", clock.dear(ruler.pieces_of, 0.5))
        for n in range(15):
            seen = tag_frame(tagger, belt(n * moves), view, past, clock, n / 4)
            told += [n / 4] * any(tag.head == "length" and not tag.age_s for tag in seen.tags)
            looks.append(seen.spent.glances + seen.spent.crops)
    assert told == measured_s
    without = [n for n in range(15) if n / 4 not in measured_s]
    assert not moves or all(looks[n] for n in without)


def test_a_camera_that_comes_back_with_half_its_pixels_shows_no_shorter_fish(tagger, belt):
    view, past, told = View(ruler=Ruler(FlatPlane(1.0))), Memory(), []
    for n, by in enumerate((1, 2)):
        pixels = cv2.resize(belt(0), None, fx=1 / by, fy=1 / by, interpolation=cv2.INTER_AREA)
        seen = tag_frame(tagger, pixels, view, past, at_s=20.0 * n)
        told += [tag.length_cm for tag in seen.tags if tag.head == "length"]
    assert told == [pytest.approx(told[0], rel=0.02)] * 2


class Dear:
    """A clock that goes on by as much as something costs, and by nothing else."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def dear(self, work, cost_s: float):
        def done(*args):
            self.now_s += cost_s
            return work(*args)

        return done
