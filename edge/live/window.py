"""What there is to see of a run: told by the pipeline, looked at from other threads.

The pipeline leaves what it has and goes on: pictures are encoded by whoever looks, and nobody waits
for anybody who looks slowly. Bounded: of each source the newest frame and HISTORY points; in all
MOST_EVENTS events, and pictures that stand still. Pictures are kept only while somebody looks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, time

import msgspec
from msgspec import UNSET

from edge.clock import epoch_s
from edge.errors import UsageError
from edge.events.event import Event
from edge.health.vitals import FILES
from edge.live.shots import Shot, encoded, point
from edge.live.stills import Stills
from edge.records import FrameFailed, FrameTags, Picture
from edge.seen import Seen

LOOKED_S = 10.0  # so long after the last look at a source its pictures are kept
HISTORY = 240  # points of a source
MOST_EVENTS = 200
SHOWN_PX = 1280  # longer side of a picture on the page
FROZEN_PX = 1920


class Window:
    """A `Sink` for frames that failed, an `Album` for events, an `Explain` for the others.

    names   of the sources, as results have them; any other counts as FILES
    live    those that are cameras: they say when a frame was taken on `clock`
    """

    def __init__(
        self,
        names: Sequence[str],
        live: Sequence[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.names, self._live = tuple(dict.fromkeys(names)), frozenset(live)
        self._clock = clock
        self._change = threading.Condition()
        self._encoding = threading.Lock()  # one picture at a time: the tagger needs the processor
        self._number = 0
        self._is_closed = False
        self._shots: dict[str, Shot] = {}
        self._looked_s: dict[str, float] = {}  # source -> until when its pictures are wanted
        self._points: dict[str, deque[Mapping[str, float]]] = {}
        self._errors: dict[str, str] = {}
        self._events: deque[tuple[int, Event]] = deque(maxlen=MOST_EVENTS)
        self._jpegs: dict[str, tuple[int, bytes]] = {}
        self._stills = Stills()

    # from the pipeline

    def explain(self, result: FrameTags, picture: Picture, seen: Seen) -> None:
        name, now_s = self._name(result.source), self._clock()
        age_ms = self._age_s(name, result, now_s) * 1e3
        with self._change:
            is_wanted = self._looked_s.get(name, now_s) > now_s
            self._number += 1
            self._shots[name] = Shot(
                number=self._number,
                result=result,
                picture=picture if is_wanted else None,
                looks=seen.looks,
                skipped=seen.skipped,
                budget_ms=seen.budget_ms,
                age_ms=age_ms,
            )
            self._errors.pop(name, None)
            points = self._points.setdefault(name, deque(maxlen=HISTORY))
            points.append(point(self._shots[name]))
            self._drop(now_s)
            self._change.notify_all()

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed):
            with self._change:
                self._errors[self._name(result.source)] = result.told

    def keep(self, events: Sequence[Event], picture: Picture | None) -> None:
        with self._change:
            for event in events:
                self._number += 1
                self._events.append((self._number, event))

    def forget(self) -> None:
        """Show nothing any more that was seen under the old masks: they may be others now."""
        with self._change:
            self._stills.clear()
            self._jpegs.clear()
            self._shots = {
                name: msgspec.structs.replace(shot, picture=None)
                for name, shot in self._shots.items()
            }

    def close(self) -> None:
        with self._change:
            self._is_closed = True
            self._change.notify_all()

    # from whoever looks

    def wait(self, number: int, patience_s: float) -> int | None:
        """The newest number, once above `number` or nothing came for so long; None: the end."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or self._number > number, patience_s)
            return None if self._is_closed else self._number

    def look(self, name: str) -> Shot | None:
        """The newest frame of a source, whose pictures are wanted from now on for LOOKED_S."""
        with self._change:
            if name in self.names or name in self._shots:
                self._looked_s[name] = self._clock() + LOOKED_S
            return self._shots.get(name)

    def sources(self) -> list[str]:
        """Those that were named, and FILES once there are others."""
        with self._change:
            return [*self.names, *([FILES] if FILES in self._shots else [])]

    def points(self, name: str) -> list[Mapping[str, float]]:
        with self._change:
            return list(self._points.get(name, ()))

    def events(self, after: int) -> tuple[int, list[Event]]:
        """The number of the newest one, and those after `after`, oldest first."""
        with self._change:
            found = [(n, event) for n, event in self._events if n > after]
        return (found[-1][0] if found else after), [event for _, event in found]

    def error(self, name: str) -> str:
        """Why the last frame of a source could not be read; "" where it could."""
        with self._change:
            return self._errors.get(name, "")

    def jpeg(self, name: str, patience_s: float = 0.0) -> tuple[Shot, bytes] | None:
        """The newest picture of a source; None where there is none, nor comes for so long."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or self._is_seen(name), patience_s)
        with self._encoding:
            shot = self.look(name)
            if shot is None or shot.picture is None:
                return None
            number, data = self._jpegs.get(name, (0, b""))
            if number != shot.number:
                data = encoded(shot.picture, SHOWN_PX)
                with self._change:
                    if self._shots.get(name) is shot:  # else it was forgotten, or is old
                        self._jpegs[name] = shot.number, data
            return shot, data

    def newest(self, name: str) -> Shot:
        """One with a picture. Raises UsageError where there is none."""
        shot = self.look(name)
        if shot is None or shot.picture is None:
            raise UsageError(f"{name[:80]}: there is no picture yet", fix="try again")
        return shot

    def freeze(self, name: str) -> tuple[str, Shot]:
        """The newest picture stands still, under a number of its own. Raises UsageError."""
        with self._change:
            shot = self.newest(name)
            return self._stills.add(shot, self._clock()), shot

    def frozen(self, number: str) -> tuple[Shot, Picture]:
        """Raises UsageError for one that is not kept any more."""
        with self._change:
            return self._stills.get(number, self._clock())

    def frozen_jpeg(self, number: str) -> bytes:
        """Raises UsageError as `frozen` does."""
        _, picture = self.frozen(number)
        with self._encoding:
            return encoded(picture, FROZEN_PX)

    # inside

    def _is_seen(self, name: str) -> bool:
        shot = self.look(name)
        return shot is not None and shot.picture is not None

    def _name(self, source: str) -> str:
        """The source a result counts for: a picture of a named folder counts for the folder."""
        if source in self.names:
            return source
        return next((n for n in self.names if source.startswith(f"{n.rstrip('/')}/")), FILES)

    def _drop(self, now_s: float) -> None:
        """Pictures that nobody looks at. Under the lock."""
        for name, until_s in list(self._looked_s.items()):
            if until_s <= now_s:
                del self._looked_s[name]
                self._jpegs.pop(name, None)
                if (shot := self._shots.get(name)) is not None:
                    self._shots[name] = msgspec.structs.replace(shot, picture=None)
        self._stills.drop(now_s)

    def _age_s(self, name: str, result: FrameTags, now_s: float) -> float:
        """Since its picture was taken; a camera's by `clock`, as a wall clock may be set."""
        if name in self._live and result.at_s is not UNSET:
            return max(0.0, now_s - result.at_s)
        return max(0.0, time() - epoch_s(result.time))
