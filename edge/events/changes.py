"""From the results of a source, one after the other, to what happened. Pure; no clock of its own.

A thing is what a track follows. A tag without one, of a place or of the whole frame, is a word
about the scene: it is there or it is not, wherever it is.

All waits are in seconds of the source's clock, so that 30 frames a second and 1 tell the same. A
thing is told once it was there for SURE_S, or was settled; it is gone once it was away for GONE_S.
A picture has no clock: what is on it comes and goes with it.

A camera may have zones: what comes to one, or leaves it, is told; and what never was in one that is
required is not told at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from edge.clock import epoch_s
from edge.events.event import MOST_TAGS, Event, Kind, Said, Sight, Why
from edge.events.zones import ANYWHERE, Stay, ZoneRules, is_wanted, stayed
from edge.pictures.regions import shared_px
from edge.pictures.suffixes import is_clip
from edge.records import Box, FrameTags, Tag

SURE_S = 0.5
GONE_S = 2.0
UPDATE_S = 1.0  # between two updates of a thing that only moved, or went to and fro at an edge
MOVED = 0.5  # of intersection over union: below it, it is somewhere else
BACK_S = 1.0  # by which a clock may go back; more, and the source began anew
MOST = 256  # things open at once in a source, told or not yet told
MOST_SOURCES = 64

HASTY = ("moved", "zones")
Key = tuple[str, ...]  # ("", track) of a thing, (head, tag) of a word


class Open(msgspec.Struct, frozen=True):
    """Something that is there."""

    first_s: float
    last_s: float
    now: Sight
    stay: Stay = Stay()
    told: Sight | None = None  # as it was last told; None: not yet
    told_s: float = 0.0


class Scene(msgspec.Struct, frozen=True):
    """What is open of one source."""

    open: Mapping[Key, Open] = {}
    at_s: float = 0.0


class Book(msgspec.Struct, frozen=True):
    """What is open everywhere.

    run       begins every id: no other run has it
    next      number of the next id
    left_out  things that found no room
    """

    run: str
    next: int = 1
    left_out: int = 0
    scenes: Mapping[str, Scene] = {}


def step(
    book: Book, result: FrameTags, at_s: float | None, rules: ZoneRules = ANYWHERE
) -> tuple[Book, tuple[Event, ...]]:
    """The book after one more result, and what it told.

    at_s   when the frame was taken, on its source's clock; None: a picture on its own
    rules  of its source's zones
    """
    writing = _Writing(book, result, rules)
    if at_s is None:
        writing.picture()
    else:
        writing.make_room()
        writing.follow(at_s)
    return writing.book(), tuple(writing.events)


def stop(book: Book, why: Why = "stopped") -> tuple[Book, tuple[Event, ...]]:
    """Everything ends."""
    events = [e for scene in book.scenes.values() for e in _ends(scene.open.values(), why)]
    return replace(book, scenes={}), tuple(events)


def ended(sight: Sight, why: Why) -> Event:
    """The end of something that was told: it was last seen as it is here."""
    return Event("end", why, sight, replace(sight, end_time=sight.frame_time))


class _Writing:
    """A step in the making."""

    def __init__(self, book: Book, result: FrameTags, rules: ZoneRules) -> None:
        self._result, self._run, self._rules = result, book.run, rules
        self._next, self._left_out = book.next, book.left_out
        self._scenes = dict(book.scenes)
        self.events: list[Event] = []

    def book(self) -> Book:
        return Book(self._run, self._next, self._left_out, self._scenes)

    def picture(self) -> None:
        rules = replace(self._rules, loiter_s={})
        for _, tags in _things(self._result.tags)[:MOST]:
            stay = stayed(Stay(), tags, 0.0, rules)
            if is_wanted(stay, rules):
                seen = Open(0.0, 0.0, _sight(self._result, tags, stay), stay)
                self.events += _ends([self._told(seen, "new", "seen", 0.0)], "gone")

    def make_room(self) -> None:
        """Clips come one after the other: another one is over. And sources are not without end."""
        name = self._result.source
        for other in list(self._scenes):
            is_over = is_clip(other) or len(self._scenes) >= MOST_SOURCES
            if other != name and is_over:
                self.events += _ends(self._scenes.pop(other).open.values(), "gone")

    def follow(self, at_s: float) -> None:
        scene = self._scenes.pop(self._result.source, Scene())
        if at_s < scene.at_s - BACK_S:
            self.events += _ends(scene.open.values(), "restarted")
            scene = Scene()
        seen = dict(_things(self._result.tags))
        opened = dict(self._stay(scene, seen, at_s))
        for key, tags in seen.items():
            if key not in opened:
                self._come(opened, key, tags, at_s)
        self._scenes[self._result.source] = Scene(opened, at_s)

    def _stay(
        self, scene: Scene, seen: Mapping[Key, Sequence[Tag]], at_s: float
    ) -> Iterator[tuple[Key, Open]]:
        """What was open and still is; what is gone ends."""
        for key, old in scene.open.items():
            if key in seen:
                stay = stayed(old.stay, seen[key], at_s, self._rules)
                now = _sight(self._result, seen[key], stay, old.now)
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
        opened[key] = self._tell(Open(at_s, at_s, _sight(self._result, tags, stay), stay), at_s)

    def _tell(self, here: Open, at_s: float) -> Open:
        if here.told is None:
            is_sure = here.now.state == "settled" or at_s - here.first_s >= SURE_S
            is_due = is_sure and is_wanted(here.stay, self._rules)
            return self._told(here, "new", "seen", at_s) if is_due else here
        why = _change(here.told, here.now)
        is_hasty = why in HASTY and here.told.entered_zones == here.now.entered_zones
        if why is None or (is_hasty and at_s - here.told_s < UPDATE_S):
            return here
        return self._told(here, "update", why, at_s)

    def _told(self, here: Open, kind: Kind, why: Why, at_s: float) -> Open:
        now = here.now
        if kind == "new":
            now = replace(now, id=f"{self._run}-{self._next}")
            self._next += 1
        self.events.append(Event(kind, why, here.told, now))
        return replace(here, now=now, told=now, told_s=at_s)


def _ends(opened: Iterable[Open], why: Why) -> list[Event]:
    """Of those that were told. They end when they were last seen."""
    return [
        Event("end", why, here.told, replace(here.now, end_time=here.now.frame_time))
        for here in opened
        if here.told is not None
    ]


def _change(told: Sight, now: Sight) -> Why | None:
    if told.label != now.label or _words(told) != _words(now):
        return "tags"
    if told.state != now.state:
        return "state"
    if told.current_zones != now.current_zones or told.entered_zones != now.entered_zones:
        return "zones"
    return "moved" if now.track is not None and _overlap(told.box, now.box) < MOVED else None


def _words(sight: Sight) -> set[tuple[str, str]]:
    return {(tag.head, tag.label) for tag in sight.tags}


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    both = shared_px(a, b)
    return both / max(1, _area(a) + _area(b) - both)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _things(tags: Sequence[Tag]) -> list[tuple[Key, list[Tag]]]:
    """The tags of each thing and of each word, best first."""
    found: dict[Key, list[Tag]] = {}
    for tag in tags:
        key = ("", str(tag.track)) if tag.track is not None else (tag.head, tag.tag)
        found.setdefault(key, []).append(tag)
    return list(found.items())


def _said(tags: Sequence[Tag]) -> tuple[Said, ...]:
    """Each word once, with its best score."""
    words = {(tag.head, tag.tag): tag for tag in reversed(tags)}
    best = list(words.values())[::-1][:MOST_TAGS]
    return tuple(
        Said(
            t.head, t.tag, t.group, t.score, t.colour, t.attributes,
            t.length_cm, t.length_sd_cm, t.occluded,
        )
        for t in best
    )  # fmt: skip


def _sight(result: FrameTags, tags: Sequence[Tag], stay: Stay, old: Sight | None = None) -> Sight:
    """`tags` is best first, and not empty."""
    best, time_s = tags[0], epoch_s(result.time)
    width, height = result.size
    x0, y0, x1, y1 = best.box
    norm = (x0 / width, y0 / height, x1 / width, y1 / height)
    return Sight(
        id=old.id if old else "",
        camera=result.source,
        label=best.tag,
        sub_label=best.group,
        head=best.head,
        score=best.score,
        top_score=max(best.score, old.top_score if old else 0.0),
        frame=result.frame,
        frame_time=time_s,
        start_time=old.start_time if old else time_s,
        end_time=None,
        size=result.size,
        box=best.box,
        box_norm=(round(norm[0], 5), round(norm[1], 5), round(norm[2], 5), round(norm[3], 5)),
        area=_area(best.box),
        ratio=round((x1 - x0) / max(1, y1 - y0), 4),
        track=best.track,
        looks=best.looks,
        state=best.state,
        tags=_said(tags),
        current_zones=stay.current,
        entered_zones=stay.entered,
    )
