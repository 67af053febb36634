"""From the results of a source, one after the other, to what happened. Pure; no clock of its own.

A thing is what a track follows. A tag without one, of a place or of the whole frame, is a word
about the scene: it is there or it is not, wherever it is. Once a closer look makes a thing of what
was a word about its place, that goes on as the thing.

All waits are in seconds of the source's clock, so that 30 frames a second and 1 tell the same. A
thing is told once it was there for SURE_S, or was settled; it is gone once it was away for GONE_S.
A picture has no clock: what is on it comes and goes with it.

A camera may have zones: what comes to one, or leaves it, is told; and what never was in one that is
required is not told at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

import msgspec
from msgspec.structs import replace

from edge.clock import epoch_s
from edge.events.event import Event, Kind, Sight, Why
from edge.events.sights import Key, sight_of, things, words
from edge.events.zones import ANYWHERE, Stay, ZoneRules, is_wanted, stayed
from edge.pictures.regions import overlap, within
from edge.records import FrameTags, Tag

SURE_S = 0.5
GONE_S = 2.0
# Between two updates of what only moved, or went to and fro at an edge; and for how long what was
# settled has to be open to be told so: what is hidden for a moment is open for less.
UPDATE_S = 1.0
MOVED = 0.5  # of intersection over union: below it, it is somewhere else
THERE = 0.2  # of a thing: so much of it a place may have been told by, as in memory.fuse
BACK_S = 1.0  # by which a clock may go back; more, and the source began anew
MOST = 256  # things open at once in a source, told or not yet told
MOST_SOURCES = 64
SILENT_S = 10.0  # a clip beside a camera, without a frame for so long, is over
CLOCK_S = 2.0  # more than that between two clocks, and one of them was set

HASTY = ("moved", "zones")
RUN_BYTES = 5  # random ones, with which a run's ids begin
ID = rf"[0-9a-f]{{{2 * RUN_BYTES}}}-[0-9]+"  # what every id looks like


class Open(msgspec.Struct, frozen=True):
    """Something that is there."""

    first_s: float
    last_s: float
    now: Sight
    stay: Stay = Stay()
    told: Sight | None = None  # as it was last told; None: not yet
    told_s: float = 0.0
    agreed_s: float = 0.0  # when it was last in the state that was told


class Scene(msgspec.Struct, frozen=True):
    """What is open of one source."""

    open: Mapping[Key, Open] = {}
    at_s: float = 0.0
    told_s: float = 0.0  # since 1970: when its last frame was looked at
    is_live: bool = False  # a camera; else a clip, whatever it is called


class Book(msgspec.Struct, frozen=True):
    """What is open everywhere.

    run       begins every id: RUN_BYTES in hex, which no other run has
    next      number of the next id
    left_out  things that found no room
    """

    run: str
    next: int = 1
    left_out: int = 0
    scenes: Mapping[str, Scene] = {}


def step(
    book: Book,
    result: FrameTags,
    at_s: float | None,
    rules: ZoneRules = ANYWHERE,
    *,
    is_live: bool = False,
) -> tuple[Book, tuple[Event, ...]]:
    """The book after one more result, and what it told.

    at_s     when the frame was taken, on its source's clock; None: a picture on its own
    rules    of its source's zones
    is_live  a camera: its clock runs as fast as the wall clock, unless that is set
    """
    writing = _Writing(book, result, rules, is_live=is_live)
    if at_s is None:
        writing.picture()
    else:
        writing.make_room()
        writing.follow(at_s)
    return writing.book(), tuple(writing.events)


def stop(book: Book) -> tuple[Book, tuple[Event, ...]]:
    """Everything ends."""
    events = [e for scene in book.scenes.values() for e in _ends(scene.open.values(), "stopped")]
    return replace(book, scenes={}), tuple(events)


def left(
    book: Book, cameras: Iterable[str], now_s: float, away_s: float
) -> tuple[Book, tuple[Event, ...]]:
    """Cameras that gave no frame for `away_s`, because they are lost or off by their schedule, show
    nothing any more: what was there ends. now_s: on the clock of cameras.
    """
    scenes = dict(book.scenes)
    gone = [name for name in cameras if name in scenes and now_s - scenes[name].at_s > away_s]
    events = [e for name in gone for e in _ends(scenes.pop(name).open.values(), "away")]
    return replace(book, scenes=scenes), tuple(events)


def ended(sight: Sight, why: Why) -> Event:
    """The end of something that was told: it was last seen as it is here."""
    return Event("end", why, sight, replace(sight, end_time=sight.frame_time))


class _Writing:
    """A step in the making."""

    def __init__(self, book: Book, result: FrameTags, rules: ZoneRules, *, is_live: bool) -> None:
        self._is_live = is_live
        self._result, self._run, self._rules = result, book.run, rules
        self._next, self._left_out = book.next, book.left_out
        self._scenes = dict(book.scenes)
        self.events: list[Event] = []

    def book(self) -> Book:
        return Book(self._run, self._next, self._left_out, self._scenes)

    def picture(self) -> None:
        rules = replace(self._rules, loiter_s={})
        for _, tags in things(self._result.tags)[:MOST]:
            stay = stayed(Stay(), tags, 0.0, rules)
            if is_wanted(stay, rules):
                seen = Open(0.0, 0.0, sight_of(self._result, tags, stay), stay)
                self.events += _ends([self._told(seen, "new", "seen", 0.0)], "gone")

    def make_room(self) -> None:
        """Clips that are over have an end. And sources are not without end."""
        name = self._result.source
        for other in list(self._scenes):
            if other != name and (self._is_over(other) or len(self._scenes) >= MOST_SOURCES):
                self.events += _ends(self._scenes.pop(other).open.values(), "gone")

    def follow(self, at_s: float) -> None:
        scene = self._scenes.pop(self._result.source, Scene())
        if at_s < scene.at_s - BACK_S:
            self.events += _ends(scene.open.values(), "restarted")
            scene = Scene()
        seen = dict(things(self._result.tags))
        opened = dict(self._stay(_grown(scene.open, seen), seen, at_s))
        for key, tags in seen.items():
            if key not in opened:
                self._come(opened, key, tags, at_s)
        self._scenes[self._result.source] = Scene(
            opened, at_s, epoch_s(self._result.time), self._is_live
        )

    def _is_over(self, name: str) -> bool:
        """Clips come one after the other; beside a camera, one ends by giving nothing more."""
        other = self._scenes[name]
        is_silent = epoch_s(self._result.time) - other.told_s > SILENT_S
        return not other.is_live and (is_silent or not self._is_live)

    def _stay(
        self, before: Mapping[Key, Open], seen: Mapping[Key, Sequence[Tag]], at_s: float
    ) -> Iterator[tuple[Key, Open]]:
        """What was open and still is; what is gone ends."""
        for key, old in before.items():
            if key in seen:
                stay = stayed(old.stay, seen[key], at_s, self._rules)
                now = sight_of(self._result, seen[key], stay, old.now)
                if self._is_live:
                    now = _began(now, at_s - old.first_s)
                yield key, self._tell(replace(old, last_s=at_s, now=now, stay=stay), at_s)
            elif at_s - old.last_s < GONE_S:
                yield key, old
            else:
                self.events += _ends([old], "gone")

    def _come(self, opened: dict[Key, Open], key: Key, tags: Sequence[Tag], at_s: float) -> None:
        if len(opened) >= MOST:
            self._left_out += 1
            return
        stay = stayed(Stay(), tags, at_s, self._rules)
        opened[key] = self._tell(Open(at_s, at_s, sight_of(self._result, tags, stay), stay), at_s)

    def _tell(self, here: Open, at_s: float) -> Open:
        told = here.told
        if told is None:
            is_sure = here.now.state == "settled" or at_s - here.first_s >= SURE_S
            is_due = is_sure and is_wanted(here.stay, self._rules)
            return self._told(here, "new", "seen", at_s) if is_due else here
        why = _change(told, here.now)
        if told.state == here.now.state:
            here = replace(here, agreed_s=at_s)
        if why is None or at_s - _since_s(why, here, told) < UPDATE_S:
            return here
        return self._told(here, "update", why, at_s)

    def _told(self, here: Open, kind: Kind, why: Why, at_s: float) -> Open:
        now = here.now
        if kind == "new":
            now = replace(now, id=f"{self._run}-{self._next}")
            self._next += 1
        self.events.append(Event(kind, why, here.told, now))
        return replace(here, now=now, told=now, told_s=at_s, agreed_s=at_s)


def _grown(opened: Mapping[Key, Open], seen: Mapping[Key, Sequence[Tag]]) -> dict[Key, Open]:
    """The same, by the keys of now: when a closer look made a thing of a word about a place, the
    word goes on as that thing. Else one thing would come twice, and count as two for a while.
    """
    found = dict(opened)
    for key, (best, *_) in seen.items():
        for word in ((best.head, best.tag), (best.head, best.group or "")):
            if key in found or word in seen or word not in found:
                continue
            if within(best.box, found[word].now.box) >= THERE:
                found[key] = found.pop(word)
    return found


def _began(now: Sight, lasted_s: float) -> Sight:
    """With a new start time, if the wall clock was set meanwhile: a duration is never negative."""
    start = now.frame_time - lasted_s
    was_set = abs(start - now.start_time) > CLOCK_S or now.start_time > now.frame_time
    return replace(now, start_time=start) if was_set else now


def _ends(opened: Iterable[Open], why: Why) -> list[Event]:
    """Of those that were told. They end when they were last seen."""
    return [
        Event("end", why, here.told, replace(here.now, end_time=here.now.frame_time))
        for here in opened
        if here.told is not None
    ]


def _since_s(why: Why, here: Open, told: Sight) -> float:
    """Since when an update waits: what trembles may be as before in the next frame."""
    if told.entered_zones != here.now.entered_zones:
        return -inf
    if why == "state" and told.state != here.now.state == "open":
        return here.agreed_s
    return here.told_s if why in HASTY else -inf


def _change(told: Sight, now: Sight) -> Why | None:
    if told.label != now.label or words(told) != words(now):
        return "tags"
    if (told.state, told.track) != (now.state, now.track):
        return "state"
    if told.current_zones != now.current_zones or told.entered_zones != now.entered_zones:
        return "zones"
    return "moved" if now.track is not None and overlap(told.box, now.box) < MOVED else None
