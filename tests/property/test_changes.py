"""The laws of events, for any results."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from edge.events.changes import (
    BACK_S,
    CLOCK_S,
    GONE_S,
    MOST,
    MOST_SOURCES,
    SILENT_S,
    Book,
    step,
    stop,
)
from edge.events.event import Event
from edge.events.zones import ANYWHERE, ZoneRules
from edge.records import FrameTags
from tests.happenings import result, tag

tags = st.builds(
    tag,
    st.sampled_from(["Banana", "Apple", "Plum"]),
    st.none() | st.integers(1, 4),
    st.floats(0.1, 1),
    st.integers(0, 90),
    state=st.sampled_from(["open", "settled", "unsure"]),
    zones=st.sampled_from([UNSET, ("a",), ("b",), ("a", "b")]),
)
rules = st.builds(
    ZoneRules,
    st.sampled_from([(), ("a",), ("a", "b")]),
    st.sampled_from([{}, {"a": 0.2}, {"a": 2.0, "b": 1.0}]),
)
sources = st.sampled_from(["camera:0", "camera:1", "a.mp4", "b.mp4", "p.jpg"])
pauses = st.sampled_from([0.0, 0.03, 0.2, 1.0, 3.0, 100.0, -0.5, -50.0])
runs = st.lists(st.tuples(sources, st.lists(tags, max_size=6), pauses), max_size=30)


def told(run: list, rules: ZoneRules = ANYWHERE) -> tuple[Book, list[Event]]:
    """Everything that a run told, its end included."""
    book, found, at_s = Book("r"), [], 0.0
    for n, (source, seen, pause_s) in enumerate(run):
        at_s += pause_s
        clock = None if source.endswith(".jpg") else at_s
        is_live = source.startswith("camera")
        book, events = step(book, result(seen, source, n, n), clock, rules, is_live=is_live)
        found += events
    book, events = stop(book)
    return book, [*found, *events]


def is_change(event: Event) -> bool:
    """What every event must be."""
    if event.before is None:
        return event.type == "new"
    ends = event.before.end_time is None and event.after.end_time is not None
    return ends if event.type == "end" else event.before != event.after


@given(runs)
def test_every_new_is_followed_by_exactly_one_end_and_ids_never_come_twice(run):
    _, events = told(run)
    here: set[str] = set()
    gone: set[str] = set()
    for event in events:
        number = event.after.id
        assert number not in gone
        assert (number in here) == (event.type != "new")
        here.add(number)
        if event.type == "end":
            here.remove(number)
            gone.add(number)
    assert not here


@given(runs, rules)
def test_what_is_told_was_where_it_had_to_be_and_where_it_was_is_not_forgotten(run, rules):
    for event in told(run, rules)[1]:
        entered = event.after.entered_zones
        assert {*event.after.current_zones} <= {*entered}
        assert not rules.required or {*rules.required} & {*entered}
        if event.before is not None:
            assert event.before.entered_zones == entered[: len(event.before.entered_zones)]


@given(runs)
def test_no_event_is_told_without_a_change_and_each_begins_where_the_last_one_ended(run):
    last = {}
    for event in told(run)[1]:
        assert is_change(event)
        assert event.before == last.get(event.after.id)
        assert event.after.start_time <= max(event.after.frame_time, event.after.start_time)
        assert event.after.top_score >= event.after.score
        last[event.after.id] = event.after


@given(st.lists(st.integers(0, 2000), max_size=600, unique=True))
def test_no_more_is_open_than_there_is_room_for(tracks):
    book, _ = step(Book("r"), result([tag(track=n, state="settled") for n in tracks]), 0.0)
    assert len(book.scenes["camera:0"].open) == min(len(tracks), MOST)
    assert book.left_out == max(0, len(tracks) - MOST)


def test_sources_without_end_leave_no_more_than_their_bound():
    book = Book("r")
    events: list[Event] = []
    for n in range(3 * MOST_SOURCES):
        book, more = step(book, result([tag(state="settled")], f"camera:{n}"), 0.0)
        events += more
        assert len(book.scenes) <= MOST_SOURCES
    kinds = Counter(event.type for event in events)
    assert kinds["new"] - kinds["end"] == len(book.scenes)


@given(st.sampled_from([1, 3, 10, 30]), st.integers(2, 8))
def test_every_frame_rate_tells_the_same(fps, seconds):
    """A thing that is there for some seconds, then away."""
    book, found = Book("r"), []
    for n in range((seconds + 4) * fps + 1):
        here = [tag()] if n <= seconds * fps else []
        book, events = step(book, result(here, frame=n), n / fps)
        found += events
    assert [(event.type, event.why) for event in found] == [("new", "seen"), ("end", "gone")]


def test_a_flicker_is_no_event():
    book = Book("r")
    for n in range(40):  # there every other frame, of 0.04 s, for less than SURE_S in all
        here = [tag()] if n in (3, 4) else []
        book, events = step(book, result(here), n * 0.04)
        assert events == ()


def test_a_short_absence_is_no_end():
    book, _ = step(Book("r"), result([tag(state="settled")]), 0.0)
    book, events = step(book, result([]), GONE_S / 2)
    book, more = step(book, result([tag(state="settled")]), GONE_S * 0.9)
    assert events + more == ()


def test_a_source_that_begins_anew_ends_what_was_there():
    book, _ = step(Book("r"), result([tag(state="settled")]), 60.0)
    _, events = step(book, result([tag(state="settled")]), 60.0 - 2 * BACK_S)
    assert [(e.type, e.why) for e in events] == [("end", "restarted"), ("new", "seen")]
    assert events[0].after.id != events[1].after.id


def test_a_clip_is_over_when_another_one_begins():
    book, _ = step(Book("r"), result([tag(state="settled")], "a.mp4"), 0.0)
    book, events = step(book, result([], "b.mp4"), 0.0)
    assert [e.type for e in events] == ["end"]
    assert list(book.scenes) == ["b.mp4"]


def test_a_clip_is_over_whatever_a_config_file_calls_it():
    book, _ = step(Book("r"), result([tag(state="settled")], "belt"), 0.0)
    book, [end] = step(book, result([], "again"), 0.0)
    assert (end.type, end.after.camera) == ("end", "belt")


def test_what_is_on_a_picture_comes_and_goes_with_it():
    book, events = step(Book("r"), result([tag(), tag("Fruit salad", None)], "p.jpg"), None)
    assert [e.type for e in events] == ["new", "end"] * 2
    assert book.scenes == {}


def test_a_word_about_a_place_that_becomes_a_thing_there_is_told_to_come_once():
    def place(box):
        return replace(tag(track=None), box=box)

    book, _ = step(Book("r"), result([place((0, 0, 40, 40))]), 0.0)
    book, [new] = step(book, result([place((0, 0, 40, 40))]), 1.0)
    book, [update] = step(book, result([tag(track=7, x=20)]), 1.1)
    assert (update.type, update.why, update.before) == ("update", "state", new.after)
    assert (update.after.id, update.after.track) == (new.after.id, 7)
    book, events = step(book, result([tag(track=7, x=20)]), 9.0)
    assert (len(book.scenes["camera:0"].open), events) == (1, ())


def test_a_group_that_a_place_shows_is_the_thing_of_it_that_is_found_there():
    place = replace(tag("Fruit", track=None, level="group"), box=(0, 0, 40, 40))
    book, _ = step(Book("r"), result([place]), 0.0)
    book, [new] = step(book, result([place]), 1.0)
    book, [update] = step(book, result([tag("Banana", track=7, x=20)]), 1.1)
    assert (update.why, update.after.id, update.after.label) == ("tags", new.after.id, "Banana")


@pytest.mark.parametrize(
    "seen",
    [
        [tag(track=7, x=80)],  # it is elsewhere
        [tag("Apple", track=7, x=20)],  # it is something else
        [tag(track=7, x=20), replace(tag(track=None), box=(0, 0, 40, 40))],  # there is another
    ],
)
def test_a_thing_that_is_none_of_a_place_comes_by_itself(seen):
    place = replace(tag(track=None), box=(0, 0, 40, 40))
    book, _ = step(Book("r"), result([place]), 0.0)
    book, _ = step(book, result([place]), 1.0)
    book, events = step(book, result(seen), 1.1)
    assert events == ()
    assert len(book.scenes["camera:0"].open) == 2


def test_an_update_says_what_it_was_before():
    book, [new] = step(Book("r"), result([tag("Apple", state="settled")]), 0.0)
    book, [update] = step(book, result([tag("Plum", state="settled")]), 0.1)
    assert (update.type, update.why, update.before) == ("update", "tags", new.after)
    assert update.after.label == "Plum"


def test_a_thing_that_moves_is_told_so_once_a_second():
    book, _ = step(Book("r"), result([tag(state="settled")]), 0.0)
    times = []
    for n in range(1, 31):
        book, events = step(book, result([tag(state="settled", x=3 * n)]), n / 10)
        times += [n / 10 for event in events if event.why == "moved"]
    assert times == [1.0, 2.0, 3.0]


def test_a_thing_is_open_again_once_it_is_so_for_a_second():
    book, _ = step(Book("r"), result([tag(state="settled")]), 0.0)
    found = []
    for n in range(1, 51):
        state = "open" if n % 10 in (3, 4, 5) or n > 30 else "settled"
        book, events = step(book, result([tag(state=state)]), n / 10)
        found += [(n / 10, event.why, event.after.state) for event in events]
    assert found == [(4.0, "state", "open")]
    book, [settled] = step(book, result([tag(state="settled")]), 5.1)  # good news does not wait
    assert settled.after.state == "settled"


def test_an_event_carries_the_length_of_a_fish():
    fish = tag("bream", state="settled", length_cm=31.5, length_sd_cm=0.4, occluded=False)
    _, [new] = step(Book("r"), result([fish]), 0.0)
    said = msgspec.to_builtins(new.after.tags[0])
    assert (said["length_cm"], said["length_sd_cm"], said["occluded"]) == (31.5, 0.4, False)
    assert "colour" not in said


steps = st.lists(
    st.tuples(st.floats(0.1, 1.9), st.sampled_from([0.0, 0.0, -1.5, 3600.0, -3600.0, -1e9]))
)


@given(steps)
@example([(0.1, -1.5)])  # NTP's usual step: what ended had not begun yet
def test_a_wall_clock_that_is_set_makes_no_duration_wrong(steps):
    """What a thing of a camera lasted is what the steady clock says."""
    book, at_s, wall_s = Book("r"), 50.0, 1.8e9
    book, _ = step(book, seen_at(wall_s), at_s, is_live=True)
    for pause_s, jump_s in [*steps, (1.0, 0.0)]:
        at_s, wall_s = at_s + pause_s, wall_s + pause_s + jump_s
        book, _ = step(book, seen_at(wall_s), at_s, is_live=True)
    _, [end] = stop(book)
    assert abs((end.after.end_time - end.after.start_time) - (at_s - 50.0)) <= CLOCK_S
    assert end.after.start_time <= end.after.end_time


def seen_at(wall_s: float) -> FrameTags:
    time = datetime.fromtimestamp(wall_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return replace(result([tag(state="settled")]), time=f"{time}Z")


def test_a_clip_beside_a_camera_ends_once_it_gives_no_more_frames_and_not_before():
    book, _ = step(Book("r"), result([tag(state="settled")], "a.mp4"), 0.0)
    book, events = step(book, result(second=1), 101.0, is_live=True)
    assert events == ()
    _, events = step(book, result(second=2 + SILENT_S), 112.0, is_live=True)
    assert [(event.type, event.after.camera) for event in events] == [("end", "a.mp4")]


def test_an_event_says_where_in_a_clip_it_was():
    seen = replace(result([tag(state="settled")], "a.mp4"), at_s=12.5)
    _, [new] = step(Book("r"), seen, 12.5)
    assert msgspec.json.decode(msgspec.json.encode(new))["after"]["at_s"] == 12.5
