"""What is known from frame to frame: things reopen for a reason, and what is out of date goes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge.glance.heat import Heat, Spot
from edge.heads.scores import GALLERY
from edge.memory import things as memory_things
from edge.memory.evidence import Evidence
from edge.memory.known import BLIND_S, BLINDEST_S, STILL_S, TAGS_S
from edge.memory.motion import Motion
from edge.memory.things import MISSED_S, REFRESH_S
from edge.memory.tracks import GONE_S, PASSED_S, born, follow, steadied
from edge.pictures.regions import overlap, shared
from edge.records import Budget, Region, Tag
from edge.schedule.pace import LAUNCHES, WARM_UP
from edge.seen import Seen, View
from tests.scenery import KIND, WORDS, Looks, Scene, Thing


def watched(scene: Scene, frames: int) -> list[Seen]:
    return [scene.watch() for _ in range(frames)]


def things(seen: Seen) -> list[Tag]:
    return [tag for tag in seen.tags if tag.track is not None and tag.head == "kind"]


def settled(scene: Scene) -> Tag:
    """The one thing of a scene, once it is settled and left in peace."""
    for seen in watched(scene, 10):
        [tag] = things(seen)
    assert tag.state == "settled"
    assert tag.age_s >= 2 * scene.step_s
    return tag


@pytest.fixture
def scene():
    return Scene([Thing("c", 100, 60, 24, 0.5)])


def test_what_grew_is_looked_at_again(scene):
    before = settled(scene)
    scene.things[0].side = 31
    after = [things(seen)[0] for seen in watched(scene, 8)]
    assert {tag.track for tag in after} == {before.track}
    assert max(tag.looks for tag in after) > before.looks
    assert after[-1].state == "settled"


def test_what_shrank_is_not(scene):
    before = settled(scene)
    scene.things[0].side = 21
    assert {things(seen)[0].looks for seen in watched(scene, 8)} == {before.looks}


def test_what_looks_different_is_looked_at_again_and_may_be_another_thing(scene):
    before = settled(scene)
    scene.things[0].label = "e"
    after = [things(seen)[0] for seen in watched(scene, 10)]
    assert after[0].looks > before.looks
    assert [tag.tag for tag in after].count("c") <= 6
    assert (after[-1].tag, after[-1].track) == ("e", before.track)


def test_a_settled_thing_is_left_in_peace_for_so_long_and_no_longer():
    scene = Scene([Thing("c", 100, 60, 24)], step_s=1.0)
    looked = [
        n for n in range(80) if any(look.why in ("track", "heat") for look in scene.watch().looks)
    ]
    last_of_first = max(n for n in looked if n < 10)
    again = min(n for n in looked if n > last_of_first)
    assert REFRESH_S < again - last_of_first <= REFRESH_S + 3
    assert len(looked) <= 10


def test_a_thing_where_nothing_moves_has_no_speed_though_two_glances_see_its_middle_apart():
    scene = Scene([Thing("c", 100, 60, 24)])
    before, at_s = settled(scene), scene.frame * scene.step_s
    x0, y0, x1, y1 = before.box
    spot = Spot((x0, y0 - 8, x1, y1 - 8), 0.5)
    scene.past.arrive(scene.picture(), at_s, scene.input_px)
    scene.past.saw_heat(Heat(np.zeros((1, 1, 1), np.float32), (spot,)), at_s)
    after = [things(seen)[0] for seen in watched(scene, 6)]
    assert min(overlap(tag.box, before.box) for tag in after) > 0.6


@pytest.mark.parametrize(("off", "moves"), [(4, False), (9, True)])
def test_what_glances_see_far_apart_moves_though_nothing_else_shows_it(off, moves):
    """A grey fish on an orange belt is as bright as the belt."""
    before = born(1, Spot((100, 60, 116, 76), 0.5), 0.0)
    spot = Spot((100 + off, 60, 116 + off, 76), 0.5)
    [seen] = follow([before], [spot], 0.4, 2)
    after = steadied(seen, before)
    assert (after.dx > 0) == moves
    assert (after.x - before.x > off / 2) == moves


def test_what_a_glance_no_longer_sees_gets_a_look_though_nothing_moved_there():
    scene = Scene([Thing("c", 100, 60, 24)])
    number, at_s = settled(scene).track, scene.frame * scene.step_s + MISSED_S
    nothing = Heat(np.zeros((1, 1, 1), np.float32), ())
    scene.past.arrive(scene.picture(), at_s, scene.input_px)
    assert number not in {item.track for item in scene.past.items(at_s)}
    scene.past.saw_heat(nothing, at_s)
    assert number in {item.track for item in scene.past.items(at_s)}


def test_a_thing_that_left_is_told_no_more():
    scene = Scene([Thing("c", 60, 60, 24, dx=-6.0)])
    told = [bool(things(seen)) for seen in watched(scene, 30)]
    assert told[0]
    assert not any(told[-10:])


@pytest.mark.parametrize("side", [24, 40, 56])
@pytest.mark.parametrize("step_s", [0.2, 0.5])
def test_the_place_of_a_thing_that_was_taken_away_does_not_go_on_telling_it(side, step_s):
    scene = Scene([Thing("c", 100, 60, side)], step_s=step_s)
    assert things(watched(scene, 8)[-1])
    scene.things = []
    few = View(budget=Budget(max_regions=2))  # the place waits for its next look
    told = [tag for _ in range(14) for tag in scene.watch(few).tags if tag.head == "kind"]
    assert [tag for tag in told if tag.track is None] == []


def test_without_a_glance_a_thing_that_moves_is_followed_by_what_moves():
    scene = Scene([Thing("c", 60, 60, 24, dx=5.0)], has_glance=False)
    seen = watched(scene, 20)
    numbers = {tag.track for frame in seen for tag in things(frame)}
    assert len(numbers) == 1
    assert shared(things(seen[-1])[0].box, scene.things[0].box(19)) > 0.4


def test_without_a_glance_a_thing_that_nothing_shows_is_forgotten():
    scene = Scene([Thing("c", 60, 60, 24, dx=5.0)], has_glance=False, step_s=1.0)
    assert things(watched(scene, 6)[-1])
    scene.things = []
    assert not things(watched(scene, round(GONE_S) + 2)[-1])


BUSY = View(budget=Budget(5.0))  # ms: time for a look or two, and never for a glance of 9


def test_where_no_glance_has_time_what_moves_is_followed_by_its_motion():
    thing = Thing("c", 40, 60, 24, dx=4.0)
    scene = Scene([thing], focus_ms=2.0, glance_ms=9.0)
    seen = [scene.watch(BUSY) for _ in range(40)]
    told = [tag for frame in seen for tag in things(frame)]
    assert not any(launch.heat is not None for launch in seen)
    assert {tag.tag for tag in told} == {"c"}
    assert len({tag.track for tag in told}) == 1
    for n in range(10, 40):
        [tag] = things(seen[n])
        assert shared(tag.box, thing.box(n)) > 0.4


@pytest.mark.parametrize(
    ("known", "is_carried"),
    [
        (Evidence(), True),
        (Evidence(looks=1, names=(("kind", 2),)), True),
        (Evidence(looks=1, state="settled"), False),
    ],
)
def test_what_moves_carries_what_is_told_or_has_had_no_look_and_hides_behind_nothing(
    known, is_carried
):
    """A spot on somebody who walks, that is nothing, would explain all that moves there."""
    motion = Motion(320, 240)
    things = memory_things.Things((320, 240), motion, 2)
    pattern = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    spot = born(1, Spot((100, 60, 124, 84), 0.5), 0.0)
    things.tracks = (msgspec.structs.replace(spot, evidence=known),)
    for n, x in enumerate((100, 108, 116, 124)):
        picture = np.full((240, 320, 3), 90, np.uint8)
        picture[60:84, x : x + 24] = pattern
        motion.see(picture, 0.4 * n)
        things.arrive(picture, 0.4 * n)
    assert (things.tracks[0].x > 118) == is_carried


def test_where_no_glance_has_time_what_has_passed_is_told_for_some_seconds_and_no_longer():
    scene = Scene([Thing("c", 40, 60, 24, dx=4.0)], focus_ms=2.0, glance_ms=9.0)
    for _ in range(20):
        before = scene.watch(BUSY)
    scene.things = []
    after = [scene.watch(BUSY) for _ in range(round(PASSED_S / scene.step_s) + 2)]
    assert things(before)
    assert not things(after[-1])


def test_a_thing_that_stops_where_no_glance_has_time_is_told_on():
    """Nothing moves there any more; but a look still shows it."""
    scene = Scene([Thing("c", 40, 60, 24, dx=4.0)], focus_ms=2.0, glance_ms=9.0)
    for _ in range(20):
        scene.watch(BUSY)
    scene.things = [Thing("c", 116, 60, 24)]
    told = [bool(things(scene.watch(BUSY))) for _ in range(60)]
    assert all(told)


@pytest.mark.parametrize("since", [10, 60])
@pytest.mark.parametrize(("glance_ms", "budget_ms"), [(1.0, 5.0), (9.0, 5.0), (9.0, 1.0)])
def test_what_passes_does_not_carry_away_what_stands(since, glance_ms, budget_ms):
    """Whether it is known, or has had no look yet."""
    scene = Scene([Thing("c", 100, 60, 24)], focus_ms=2.0, glance_ms=glance_ms)
    scene.things = [*scene.things, Thing("e", 40 - 5 * since, 66, 24, dx=5.0, since=since)]
    number, view = settled(scene).track, View(budget=Budget(budget_ms))
    for _ in range(since + 22 - scene.frame):
        told = {tag.track: tag for tag in things(scene.watch(view))}
    assert told[number].tag == "c"
    assert shared(told[number].box, (100, 60, 124, 84)) > 0.6


@pytest.mark.parametrize(("budget_ms", "every_s"), [(8.0, BLINDEST_S), (12.0, BLIND_S)])
def test_a_glance_that_has_no_time_is_made_when_it_is_likely_to_fit_and_after_long_anyway(
    budget_ms, every_s
):
    """One of nine took 18 ms when they were measured, the others 9."""
    scene = Scene([Thing("c", 0, 60, 24, dx=0.8)], focus_ms=2.0, glance_ms=9.0)
    slow = iter([1.0] * (2 * WARM_UP + 2 * LAUNCHES - 1) + [2.0])
    scene.slow = lambda now_s: next(slow, 1.0)
    frames = range(round(2.5 * every_s / scene.step_s))
    view = View(budget=Budget(budget_ms))
    glanced_s = [n * scene.step_s for n in frames if scene.watch(view).heat is not None]
    assert glanced_s == pytest.approx([every_s, 2 * every_s], abs=0.1)


def test_places_are_out_of_date_when_everything_moves():
    scene = Scene([Thing("c", 60, 60, 40)], has_glance=False)
    told = [tag for tag in scene.watch().tags if tag.head == "kind"]
    assert told
    scene.things = [Thing("e", x, y, 80) for x in range(0, 320, 80) for y in range(0, 240, 80)]
    seen = scene.watch(View(budget=Budget(max_regions=0)))
    assert not [tag for tag in seen.tags if tag.tag == "c"]


def test_a_frame_is_glanced_at_when_something_moves_and_else_now_and_then():
    still, moving = Scene([Thing("c", 60, 60)]), Scene([Thing("c", 60, 60, dx=3.0)])
    for scene, tags_s, heats in (
        (still, STILL_S, 2),
        (moving, TAGS_S, 18),
    ):  # one at once: it has moved
        seen = watched(scene, 51)
        at_s = [
            n * scene.step_s
            for n, frame in enumerate(seen)
            if any(look.why == "glance" for look in frame.looks)
        ]
        assert at_s == pytest.approx([tags_s * n for n in range(len(at_s))])
        assert sum(frame.heat is not None for frame in seen) == heats


def test_nobody_looks_for_a_thing_where_it_no_longer_is():
    """It was seen once, and moved: the next frame asks a glance, not a look at its old place."""
    scene = Scene([Thing("c", 20, 60, dx=15.0)])
    scene.watch()
    seen = scene.watch()
    assert seen.heat is not None
    assert not any(look.why == "track" for look in seen.looks)
    assert not any(
        tag.tag != "c" for frame in watched(scene, 5) for tag in frame.tags if tag.head == "kind"
    )


def test_every_tag_says_how_old_it_is():
    scene = Scene([Thing("c", 60, 60, 40)], has_glance=False)
    first = scene.watch()
    assert {tag.age_s for tag in first.tags} == {0.0}
    scene.frame += 9
    ages = {tag.age_s for tag in scene.watch().tags}  # of tiles, one may have had its turn
    assert 10 * scene.step_s in ages
    assert ages <= {0.0, 10 * scene.step_s}


def test_a_place_of_which_a_glance_shows_nothing_is_worth_less():
    """Than one of which nothing is known."""
    gains = {
        has_glance: [
            look.gain for look in Scene(has_glance=has_glance).watch().looks if look.is_closer
        ]
        for has_glance in (True, False)
    }
    assert len(gains[True]) == len(gains[False]) == 12
    assert max(gains[True]) < max(gains[False]) / 2


def test_a_clock_that_goes_back_begins_anew():
    """A clip from its start, a stream that was cut: what came later is not waited for."""
    scene = Scene([Thing("c", 60, 60, 40)])
    watched(scene, 20)
    scene.frame = 0
    seen = scene.watch()
    assert seen.spent.glances == 6  # tags and heat of the whole frame, heat of its four parts
    assert seen.spent.crops >= 12
    assert seen.oldest_s == 0.0


def test_before_a_look_an_enrolled_thing_is_one_of_all_that_are_there(monkeypatch):
    monkeypatch.setattr(memory_things, "GALLERY", "kind")

    def score(*others: Thing) -> float:
        seen = Scene([Thing("c", 100, 60, 24, 0.5), *others]).watch()
        [first] = [tag for tag in things(seen) if shared(tag.box, (88, 48, 112, 72)) > 0.2]
        return first.score

    crowd = [Thing("c", x, 150, 24, 0.5) for x in (40, 100, 160, 220)]
    assert score(*crowd) < score()


class Enrolled(Scene):
    """A tagger whose things were enrolled on the device."""

    def _seen_in(self, region: Region, ms: float) -> Looks:
        found = super()._seen_in(region, ms)
        scores = {GALLERY: found.scores["kind"], "words": found.scores["words"]}
        return msgspec.structs.replace(found, scores=scores)


@pytest.mark.parametrize("has_glance", [True, False], ids=["things", "places"])
def test_what_was_enrolled_is_told_and_stays_told(has_glance):
    head = msgspec.structs.replace(KIND, name=GALLERY)
    scene = Enrolled([Thing("c", 100, 60, 40)], heads=(head, WORDS), has_glance=has_glance)
    found = [{tag.tag for tag in seen.tags if tag.head == GALLERY} for seen in watched(scene, 60)]
    first = found.index({"c"})
    assert first <= 2
    assert all(tags == {"c"} for tags in found[first:])


@pytest.mark.parametrize("off", [GALLERY, "words"])
def test_a_head_that_is_switched_off_meanwhile_says_no_more(off):
    """As by a config that was read again."""
    head = msgspec.structs.replace(KIND, name=GALLERY)
    scene = Enrolled([Thing("c", 100, 60, 40)], heads=(head, WORDS), has_glance=False)
    assert {tag.head for tag in watched(scene, 20)[-1].tags} == {GALLERY, "words"}
    scene.heads = tuple(one for one in scene.heads if one.name != off)
    seen = scene.watch()
    assert {tag.head for tag in seen.tags} == {GALLERY, "words"} - {off}


def test_a_head_that_is_switched_off_meanwhile_says_no_none_either():
    scene = Scene([])
    assert watched(scene, 3)[-1].none[0].heads.keys() == {"kind"}
    scene.heads = (WORDS,)
    assert scene.watch().none == ()


def test_a_hiccup_after_the_last_launch_is_forgotten_also_while_nothing_fits():
    """Else nothing would be launched, and it would be believed on."""
    scene, view = Scene([Thing("c", 100, 60, 24, 0.5)]), View(budget=Budget(30.0))
    scene.watch(view)
    scene.past.tail_ms = 90.0
    for _ in range(20):
        scene.watch(view)
    assert scene.past.tail_ms < 0.2 * 90


def test_what_came_while_there_was_no_time_is_looked_at_as_soon_as_there_is():
    scene = Scene([Thing("c", 100, 60, 24, since=15)], hidden_px=200)
    watched(scene, 15)
    scene.past.tail_ms = 40.0
    busy = scene.watch(View(budget=Budget(20.0)))
    assert busy.spent.crops == 0
    after = [tag.tag for seen in watched(scene, 3) for tag in things(seen)]
    assert "c" in after


def test_faint_spots_that_a_frame_has_no_time_for_are_looked_at_in_the_next():
    """Nothing moves, and the next glance is long away."""
    scene = Scene([Thing(c, 40 + 60 * n, 100, 24, heat=0.1) for n, c in enumerate("abcd")])
    view = View(budget=Budget(13.0))  # a glance and two looks
    told = [{tag.tag for tag in things(scene.watch(view))} for _ in range(5)]
    assert len(told[0]) < 4
    assert told[-1] == {*"abcd"}


def test_a_faint_spot_that_is_nothing_is_looked_at_in_two_ways_while_nothing_moves_there():
    scene = Scene([Thing("c", 100, 60, 2, heat=0.1)], step_s=1.0)  # too small for a look to name
    at = [n for n, seen in enumerate(watched(scene, int(REFRESH_S))) for look in seen.looks
          if look.why == "heat"]  # fmt: skip
    assert len(at) == 2
    assert at[0] == 0


def test_the_second_look_at_a_faint_spot_is_cut_otherwise():
    scene = Scene([Thing("c", 100, 60, 24, heat=0.1)], noise=0.0)
    scene.heads = ()  # nobody could name it
    cut = [look.region for seen in watched(scene, 30) for look in seen.looks if look.why == "heat"]
    assert [round(24 / (region.x1 - region.x0), 1) for region in cut] == [0.9, 0.6]


def test_a_spot_that_is_hardly_warm_is_looked_at_once_everything_stands():
    scene = Scene([Thing("c", 100, 60, 8, heat=0.04)])  # too small for a tile to name
    told = [{tag.tag for tag in things(seen)} for seen in watched(scene, 20)]
    assert told[0] == set()
    assert told[-1] == {"c"}


def test_a_spot_that_is_hardly_warm_is_left_alone_while_something_moves():
    scene = Scene([Thing("c", 100, 60, 8, heat=0.04), Thing("e", 20, 160, 24, dx=3.0)])
    assert {tag.tag for seen in watched(scene, 20) for tag in things(seen)} == {"e"}


def test_two_that_stand_side_by_side_are_two_things():
    """What is found beside one that stands where it was is not that one, which has moved."""
    scene = Scene([Thing("c", 100, 60, 24), Thing("e", 128, 60, 24, heat=0.1)])
    for seen in watched(scene, 6):
        told = {tag.tag for tag in things(seen)}
    assert told == {"c", "e"}
