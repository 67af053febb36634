"""Results and events, made for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge.events.event import Event, EventTag, Sight
from edge.records import FrameTags, Spent, Tag

TIME = "2026-01-01T00:00:{:06.3f}Z"


class Usage(NamedTuple):
    """Of a disk, bytes."""

    total: int
    used: int
    free: int


def tag(
    name: str = "Banana", track: int | None = 1, score: float = 0.9, x: int = 0, **more: object
) -> Tag:
    box = (x, 0, x + 10, 10) if track is not None else (0, 0, 100, 50)
    return Tag("grocery", name, "Fruit", score, box, track, **more)  # type: ignore[arg-type]


def result(
    tags: Iterable[Tag] = (), source: str = "camera:0", frame: int = 0, second: float = 0.0
) -> FrameTags:
    spent = Spent(1.0, 1.0, 1, 0)
    time = TIME.format(second % 60)
    return FrameTags(
        1, source, frame, time, (100, 50), tuple(tags), spent, 1.0, 0.0, {}, "b@1", "null/CPU"
    )


def sight(number: int, label: str = "Banana", camera: str = "camera:0") -> Sight:
    tags = (EventTag("grocery", label, "Fruit", 0.9),)
    return Sight(
        f"t-{number}", camera, label, "Fruit", "grocery", 0.9, 0.9, number, 1e9 + number,
        1e9 + number, None, (100, 50), (0, 0, 10, 10), (0.0, 0.0, 0.1, 0.2), 100, 1.0, 1, 1,
        "open", tags,
    )  # fmt: skip


def event(number: int, kind: str = "new", label: str = "Banana") -> Event:
    seen = sight(number, label)
    before = None if kind == "new" else seen
    return Event(kind, "seen", before, seen, device="test")  # type: ignore[arg-type]


def events(count: int, first: int = 0) -> Sequence[Event]:
    return [event(first + n) for n in range(count)]
