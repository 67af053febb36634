"""The newest picture of a live source: a reader thread, and a mailbox that holds one.

A picture that nobody took before the next one came is dropped: a tagger slower than its camera sees
fewer frames, never older ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep
from typing import Protocol

from edge.clock import utc_now
from edge.errors import SourceError
from edge.records import Frame, Picture
from edge.redact import encodable
from edge.sources.faults import Fault, Faults

SLICE_S = 0.1  # how often a wait looks up: a signal handler may set a flag, it must not take locks
PATIENCE_S = 10.0  # no picture for so long: the source is gone; the first one may take seconds


class Mailbox(Protocol):
    """Where one frame waits. Who looks may ask whether it `is_ready`, which does not wait."""

    where: str
    is_over: bool  # nothing will come any more

    @property
    def given(self) -> int: ...
    @property
    def came(self) -> int: ...
    @property
    def is_ready(self) -> bool: ...
    def ring(self, bell: threading.Event) -> None: ...
    def take(self) -> Frame | None: ...


class Newest:
    """Calls `read` in a thread and keeps its last picture.

    read     blocks; a picture, or None when none came this time, or a word about what is wrong;
             SourceError at the end
    where    the source's name, for frames and messages
    every_s  at most one frame each so many seconds
    faults   of a source that never ends: a `read` that does not return for `patience_s` is told,
             and waited for; None: without a picture for so long the source is at its end
    """

    is_over = False  # it breaks, it does not end

    def __init__(
        self,
        read: Callable[[], Picture | Fault | None],
        where: str,
        every_s: float = 0.0,
        patience_s: float = PATIENCE_S,
        faults: Faults | None = None,
    ) -> None:
        self.where = where
        self.faults = faults
        self._read = read
        self._every_s = every_s
        self._patience_s = patience_s
        self._mailbox = threading.Lock()
        self._bell = threading.Event()  # something came, or will never come
        self._picture: Picture | None = None
        self._fault: Fault | None = None
        self._error: Exception | None = None
        self._time = ""  # when the picture came
        self._heard_s = monotonic()  # likewise
        self._alive_s = self._heard_s  # when `read` last returned
        self._told_s = self._heard_s  # when it was last told that it does not
        self._due_s = self._heard_s
        self.given = 0  # frames
        self.came = 0  # pictures that were due, and words about what is wrong, taken or not
        self._is_closing = False
        self._thread = threading.Thread(target=self._fill, name=f"read {where}", daemon=True)
        self._thread.start()

    def frames(self, is_stopped: Callable[[], bool]) -> Iterator[Frame]:
        """The newest frame again and again, until `is_stopped()`. Raises SourceError as `take`."""
        while ready((self,), self._bell, is_stopped):
            if (frame := self.take()) is not None:
                yield frame

    def ring(self, bell: threading.Event) -> None:
        """Set `bell` from now on when something comes."""
        self._bell = bell
        bell.set()

    @property
    def is_ready(self) -> bool:
        """Is there anything to take: a picture that is due, or the reason why none comes?"""
        with self._mailbox:
            now_s = monotonic()
            if self._picture is not None:
                return self._fault is not None or now_s >= self._due_s
            is_told = self._fault is not None or self._error is not None
            return is_told or self._is_silent(now_s)

    def take(self) -> Frame | None:
        """The newest picture that nobody has taken; None when there is none yet.

        What is wrong comes first, as a frame without pixels. Raises SourceError when the source
        broke, or when nothing came for `patience_s`.
        """
        with self._mailbox:
            now_s, index = monotonic(), self.given
            if (fault := self._fault_now(now_s)) is not None:
                self._fault, self.given = None, index + 1
                return Frame(self.where, index, utc_now(), None, fault.says, now_s, fault.fix)
            picture, self._picture = self._picture, None
            if picture is not None:
                self._due_s, self.given = now_s + self._every_s, index + 1
                return Frame(self.where, index, self._time, picture, at_s=self._heard_s)
            if self._error is not None:
                raise self._error
            if self._is_silent(now_s):
                raise SourceError(
                    f"{self.where}: no frame for {self._patience_s:g} s",
                    fix="look at its cable, its power, and what else reads it",
                )
            return None

    @property
    def is_away(self) -> bool:
        """Known to give nothing now, by a reader that is well and tries again."""
        is_well = monotonic() < self._alive_s + self._patience_s
        return is_well and self.faults is not None and self.faults.is_away

    def _is_silent(self, now_s: float) -> bool:
        since_s = self._heard_s if self.faults is None else max(self._alive_s, self._told_s)
        return now_s > since_s + self._patience_s

    def _fault_now(self, now_s: float) -> Fault | None:
        """What is wrong, from the reader; or that it hangs, in a driver."""
        if self.faults is None or self._picture is not None or not self._is_silent(now_s):
            return self._fault
        self._told_s = now_s
        if not self.faults.count("timeout"):
            return self._fault
        says = f"{self.where}: reading hangs for {self._patience_s:g} s, in its driver"
        return Fault(says, "plug it in again, or start this machine again")

    def close(self, wait_s: float = 2.0) -> bool:
        """End the thread. False when it hangs in a driver: what it reads must stay open then."""
        self._is_closing = True
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _fill(self) -> None:
        while not self._is_closing:
            try:
                picture = self._read()
            except Exception as e:  # our bug, where it is no SourceError: told, not waited for
                with self._mailbox:
                    self._error = e
                self._bell.set()
                return
            self._alive_s = monotonic()
            if picture is None:
                if self.faults is None:
                    sleep(0.01)  # a dead camera answers at once, again and again
                continue
            if isinstance(picture, Fault):
                with self._mailbox:
                    self._fault, self.came = picture, self.came + 1
                self._bell.set()
                continue
            with self._mailbox:
                now_s = monotonic()
                is_counted = self._picture is None or now_s >= self._due_s
                self._picture, self._time, self._heard_s = picture, utc_now(), now_s
                self.came += is_counted
            self._bell.set()


class Cameras:
    """The mailboxes of several live sources, and of files, side by side."""

    def __init__(self, mailboxes: Sequence[Mailbox]) -> None:
        self._bell = threading.Event()
        self._open = dict(enumerate(mailboxes))
        for mailbox in mailboxes:
            mailbox.ring(self._bell)

    def waiting(self, is_stopped: Callable[[], bool]) -> list[int]:
        """Which of them have something, waiting for it; none once stopped, or when all broke."""
        names = list(self._open)
        found = ready(list(self._open.values()), self._bell, is_stopped)
        return [names[n] for n in found]

    def came(self, cameras: Sequence[int]) -> dict[int, int]:
        """Of each of these, how many frames came, taken or not."""
        return {camera: self._open[camera].came for camera in cameras}

    def is_waited_for(self, camera: int) -> bool:
        """Has another one than `camera` something?"""
        return any(mailbox.is_ready for n, mailbox in self._open.items() if n != camera)

    def rest(self) -> bool:
        """Until something comes that was not there when `waiting` looked; False when nothing did,
        for a tenth of a second.
        """
        return self._bell.wait(SLICE_S)

    def take(self, camera: int) -> Frame | None:
        """Its newest frame. Where it broke, one that says why, and that camera is done with, as
        files are at their end.
        """
        mailbox = self._open[camera]
        try:
            frame = mailbox.take()
            if mailbox.is_over:
                del self._open[camera]
            return frame
        except SourceError as e:
            del self._open[camera]
            return broken(mailbox.where, mailbox.given, e)


def broken(where: str, index: int, error: SourceError) -> Frame:
    """The frame after a source's last one."""
    says = encodable(str(error))
    return Frame(encodable(where), index, utc_now(), None, says, fix=error.fix)


def ready(
    mailboxes: Sequence[Mailbox], bell: threading.Event, is_stopped: Callable[[], bool]
) -> list[int]:
    """Those that have something, waiting for the first; none once stopped, or without any."""
    while mailboxes and not is_stopped():
        bell.clear()
        found = [n for n, mailbox in enumerate(mailboxes) if mailbox.is_ready]
        if found:
            return found
        bell.wait(SLICE_S)
    return []
