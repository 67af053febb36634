"""A live source that goes on: opened again when it breaks, looked at before any engine sees it.

What is wrong with it is counted, and told once as a frame without pixels; a kind of fault that
comes again and again is told each ten minutes. Everything here runs in the source's reader thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Protocol

import msgspec
from msgspec.structs import replace

from edge.errors import SourceError
from edge.records import Frame, Picture
from edge.sources.faults import Damaged, Fault, Faults, Kind, Lost
from edge.sources.judging import FROZEN_S, Judge, is_half
from edge.sources.newest import Newest
from edge.sources.pacing import Pacing
from edge.sources.request import SourceRequest

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0  # without a picture: the first one may take seconds
HANGS = 3  # times that: a stream may take it to open, to say what it is, and to give a frame
SLICE_S = 0.05  # a wait looks up so often: it may have to end
NETWORK = "a better cable, or a better network"


class Link(Protocol):
    """An open camera or stream."""

    def read(self) -> Picture | None:
        """The next picture; None: none yet, and it did not block.

        Raises Damaged for one that is to be left out, SourceError when no other will come.
        """
        ...

    def close(self) -> None: ...


class Habits(msgspec.Struct, frozen=True):
    """What is expected of a live source."""

    every_s: float = 0.0  # at most one frame each so many seconds
    timeout_s: float = TIMEOUT_S
    frozen_s: float = FROZEN_S  # 0: it may show a still picture for ever


class LastingSource:
    """A live source, opened again when it breaks.

    connect  opens it; raises SourceError
    link     where it is open already; None: it is opened, and waited for, by the reader
    """

    is_live = True
    count: int | None = None

    def __init__(
        self,
        name: str,
        connect: Callable[[], Link],
        is_stopped: Callable[[], bool],
        habits: Habits,
        link: Link | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        self.name = name
        self._is_stopped = is_stopped
        self._reader = _Reader(name, connect, habits, link, pacing or Pacing())
        self.newest = Newest(
            self._reader.read, name, habits.every_s, habits.timeout_s * HANGS, self._reader.faults
        )

    def frames(self) -> Iterator[Frame]:
        return self.newest.frames(self._is_stopped)

    def close(self) -> None:
        self._reader.closing.set()
        if self.newest.close():  # what is closed while a read hangs in it crashes the process
            self._reader.close()


class _Reader:
    def __init__(
        self, name: str, connect: Callable[[], Link], habits: Habits, link: Link | None,
        pacing: Pacing,
    ) -> None:  # fmt: skip
        self._name, self._connect, self._habits = name, connect, habits
        self._link, self._pacing = link, pacing
        self._judge = Judge(habits.frozen_s)
        self.faults = Faults()
        self.closing = threading.Event()
        self._due_s = 0.0  # when to try again
        self._heard_s = monotonic()  # the last picture, or the last opening
        self._away_s: float | None = None  # since when it gives nothing
        self._is_told = False  # that it is away

    def read(self) -> Picture | Fault | None:
        """A good picture, a word about what is wrong, or None: nothing yet."""
        if self._link is None:
            return self._again()
        try:
            picture = self._link.read()
            return self._silent() if picture is None else self._judged(picture)
        except Damaged as e:
            return self._damaged(str(e))
        except SourceError as e:
            return self._lost(e)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _again(self) -> Fault | None:
        if monotonic() < self._due_s:
            self.closing.wait(SLICE_S)
            return None
        try:
            self._link = self._connect()
        except SourceError as e:
            return self._lost(e)
        self._heard_s = monotonic()
        return None

    def _silent(self) -> Fault | None:
        """No picture this time."""
        self.closing.wait(0.01)  # a dead camera answers at once, again and again
        if monotonic() < self._heard_s + self._habits.timeout_s:
            return None
        message = f"{self._name}: no frame for {self._habits.timeout_s:g} s"
        fix = "look at its cable and its power; #timeout=30 waits longer"
        return self._lost(Lost(message, kind="timeout", fix=fix))

    def _judged(self, picture: Picture) -> Picture | Fault | None:
        if is_half(picture):
            return self._damaged(f"{self._name}: half of a frame is found, expected a whole one")
        now_s = monotonic()
        if same_s := self._judge.frozen_s(picture, now_s):
            message = f"{self._name}: the same picture for {same_s:.0f} s, expected a live one"
            fix = "restart the camera; where a still picture is right, #frozen=0 behind its address"
            return self._lost(Lost(message, kind="frozen", fix=fix))
        if (change := self._judge.resized(picture)) and self.faults.count("resized"):
            log.warning("%s: %s", self._name, change)
        self._heard_s = now_s
        self._pacing.good(now_s)
        self._back(now_s)
        return picture

    def _damaged(self, message: str) -> Fault | None:
        """Left out. A source that gives nothing else is lost."""
        is_due = self.faults.count("corrupt")
        if monotonic() >= self._heard_s + self._habits.timeout_s:
            return self._lost(Lost(f"{self._name}: nothing but damaged frames", fix=NETWORK))
        if is_due:
            log.warning("%s; it is left out, as others will be", message)
        return None

    def _lost(self, error: SourceError) -> Fault | None:
        """Closed, to be opened again after a pause."""
        kind: Kind = error.kind if isinstance(error, Lost) else "lost"
        is_due = self.faults.count(kind)
        self.close()
        pause_s = self._pacing.pause_s(is_refused=kind == "refused")
        now_s = monotonic()
        self._due_s = now_s + pause_s
        if self._away_s is None:
            self._away_s = now_s
        self.faults.is_away = True
        log.debug("%s (the next try is in %.1f s)", error, pause_s)
        if not is_due:
            return None
        self._is_told = True
        return Fault(f"{error}; tried again until it is back", error.fix)

    def _back(self, now_s: float) -> None:
        """A good picture after a loss."""
        if self._away_s is None:
            return
        self.faults.reconnects += 1
        if self._is_told:
            log.warning("%s: is back, after %.1f s", self._name, now_s - self._away_s)
        self._away_s, self._is_told, self.faults.is_away = None, False, False


def habits(request: SourceRequest) -> Habits:
    """The last options that are read. Raises UsageError for those that nobody knows."""
    timeout_s = request.options.number("timeout", TIMEOUT_S, 0.5, 3600)
    frozen_s = request.options.number("frozen", FROZEN_S, 0, 86400)
    request.options.done()
    return Habits(request.every_s, timeout_s, frozen_s)


def lasting(
    request: SourceRequest,
    connect: Callable[[], Link],
    link: Link | None = None,
    *,
    slack_s: float = 0.0,
) -> LastingSource:
    """A source that is opened now, unless it is open already, or is to be waited for.

    slack_s  so much longer than its time-out may it be without a picture
    Raises SourceError, unless it is waited for.
    """
    expected = habits(request)
    expected = replace(expected, timeout_s=expected.timeout_s + slack_s)
    if link is None and not request.is_patient:
        link = connect()
    return LastingSource(request.name, connect, request.is_stopped, expected, link)
