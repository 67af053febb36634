"""Makes events of results, and hands each to whoever is to have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from secrets import token_hex
from time import monotonic
from typing import Protocol

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from edge.clock import rfc3339
from edge.events import changes
from edge.events.changes import RUN_BYTES, Book
from edge.events.event import KINDS, Event
from edge.events.zones import ANYWHERE, ZoneRules
from edge.outbox.box import Outbox
from edge.pictures.suffixes import is_clip
from edge.records import FrameFailed, FrameTags, Picture

AWAY_S = 60.0  # a camera that is opened again shows the same things: they are not told anew
TEND_S = 1.0


class Witness(Protocol):
    """Gets the events of a frame, and the frame; None where no frame came, and things ended."""

    def keep(self, events: Sequence[Event], picture: Picture | None) -> None: ...
    def close(self) -> None: ...


class Album(Witness, Protocol):
    """Keeps pictures of what happened. Raises nothing of the disk's: it goes without."""

    written: int
    left_out: int
    removed: int


class Reporter:
    """Makes events of results, one source beside the other.

    outbox   None: nobody is owed an event
    albums   get the events with their frame
    device   as events name this machine
    cameras  names of the live sources
    away_s   without a frame for so long, what a camera saw is gone
    """

    def __init__(
        self,
        outbox: Outbox | None,
        albums: Sequence[Witness],
        device: str,
        cameras: Sequence[str] = (),
        away_s: float = AWAY_S,
    ) -> None:
        self._outbox, self._albums, self._device = outbox, albums, device
        self._cameras, self._away_s, self._due_s = tuple(cameras), away_s, 0.0
        self.rules: Callable[[str], ZoneRules] = lambda _: ANYWHERE  # of a source, by its name
        self._book = Book(token_hex(RUN_BYTES))
        self._bundle = self._engine = ""
        self._is_synced: bool | UnsetType = UNSET  # the wall clock, at the last frame
        self.told: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self._accept(self._left())

    def write(
        self, result: FrameTags | FrameFailed, picture: Picture | None, at_s: float | None
    ) -> None:
        """A frame that could not be read begins, ends and changes nothing."""
        if isinstance(result, FrameFailed) or picture is None:
            return
        if at_s is None and self._has_clock(result.source):
            at_s = monotonic()
        self._bundle, self._engine = result.bundle, result.engine
        self._is_synced = result.clock_synced
        name = result.source
        rules, is_live = self.rules(name), name in self._cameras
        self._book, events = changes.step(self._book, result, at_s, rules, is_live=is_live)
        if events := self._accept(events):
            for album in self._albums:
                album.keep(events, picture)

    def tend(self, now_s: float) -> None:
        """End what cameras that are away showed; for between two frames. now_s: monotonic."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + TEND_S
        self._book, events = changes.left(self._book, self._cameras, now_s, self._away_s)
        events = self._accept([*self._left(), *events])
        for album in self._albums:  # also without any: what is kept may be too old by now
            album.keep(events, None)

    def close(self) -> None:
        """Everything ends with the run."""
        self._book, events = changes.stop(self._book)
        self._accept(events)
        for album in self._albums:
            album.close()

    def _left(self) -> list[Event]:
        """The ends of what an earlier run that was cut off had told. They are known once the disk
        of the outbox is there.
        """
        sights = [] if self._outbox is None else self._outbox.left_here()
        return [changes.ended(sight, "restarted") for sight in sights]

    def _has_clock(self, name: str) -> bool:
        """Whether its frames have a time although this one says none. A name alone may mislead: a
        config file may call a picture anything.
        """
        return name in self._cameras or is_clip(name) or "://" in name

    def _accept(self, events: Sequence[Event]) -> tuple[Event, ...]:
        named = tuple(
            replace(
                e,
                device=self._device,
                bundle=self._bundle,
                engine=self._engine,
                time=rfc3339(e.after.end_time or e.after.frame_time),
                clock_synced=self._is_synced,
            )
            for e in events
        )
        self.told.update(event.type for event in named)
        if named and self._outbox is not None:
            self._outbox.accept(named)
        return named
