"""The outbox: every accepted event is on the disk until each sink has it, or has to do without.

Accepted means: `accept` returned its number. From then on it survives an outage of a broker, the
end of the process and a power cut, and is given to each sink at least once, in the order of its
number. Where there are more events than there is room for, those of least value go first, the
oldest first, and are counted.

That a sink has an event is noted with the next one that is accepted, or SETTLE_S later: a commit
costs tens of KB of a card's life, and who was killed meanwhile sends an event once more.

A full disk accepts nothing: events wait in memory, at most WAITING of them, and are accepted as
soon as there is room. A damaged database is set aside, said so, and a new one goes on; likewise
where the file was taken away, or its disk was.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar

from msgspec.structs import replace

from edge.errors import SinkError
from edge.events.event import VALUE, Event, Sight
from edge.outage import Outage
from edge.outbox import database
from edge.outbox.ledger import Counts, Ledger, Limits, Owed

log = logging.getLogger(__name__)

WAITING = 1000  # events in memory, while the disk takes none
RETRY_S = 1.0  # between two tries to write them
SETTLE_S = 5.0
LIMITS = Limits()
T = TypeVar("T")


class Outbox:
    """Not for two processes; any number of threads.

    sinks  names of those who are to get every event from now on. What is owed to others, of an
           earlier run, stays and counts: they may come back.
    is_patient  a disk that does not let it be opened is tried again, as a full one is
    Raises SinkError when it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        sinks: Sequence[str],
        limits: Limits = LIMITS,
        clock: Callable[[], float] = monotonic,
        *,
        is_patient: bool = False,
    ) -> None:
        self._path, self._sinks, self._limits = path, tuple(sinks), limits
        self._lock, self._clock = Lock(), clock
        self._retry_s = 0.0  # when the disk is tried again, after it took nothing
        self._waiting: list[Event] = []
        self.lost = 0  # events that found no room in memory either
        self._unnoted = 0  # of them, those of which the disk does not know yet
        self.outage = Outage(str(path), "events wait in memory; make room, or bring its disk back")
        self._is_closed, self._is_lost = False, True
        self._last = 0  # the highest number that was given
        self._stale: set[str] = set()  # sinks that were given events of a file that is gone
        self._left: list[Sight] | None = None  # of a run that was cut off; None: not known yet
        self._through: dict[str, int] = {}  # sink -> acknowledged, and not yet on the disk
        self._settle_s = 0.0  # when that is due
        try:
            self._begin()
        except (SinkError, OSError, sqlite3.OperationalError) as e:
            if not is_patient or isinstance(e, database.Foreign):
                raise
            self.outage.met(str(e))
        except sqlite3.DatabaseError as e:
            self._renew(str(e))

    def accept(self, events: Sequence[Event]) -> tuple[int, ...]:
        """The numbers of those that are now on the disk: also of some that waited before.

        Empty when the disk takes none; they wait. Never raises for that.
        """
        with self._lock:
            self._waiting += events
            return self._accepted() if self._is_time() else self._wait()

    def owed(self, sink: str, count: int) -> list[Owed]:
        """The next `count` events of a sink, in the order of their numbers."""
        with self._lock:
            if self._is_time():
                self._accepted()
            through = self._through.get(sink, 0)
            found = self._try(lambda: self._ledger.owed(sink, through, count)) or []
            self._stale.discard(sink)
            return found

    def acknowledge(self, sink: str, through: int, *, is_refused: bool = False) -> None:
        """The sink has every event up to number `through`; or will never take them.

        A disk that takes nothing more is no reason to send them again: it is noted in memory.
        """
        with self._lock:
            if sink in self._stale:
                return
            if not self._through:
                self._settle_s = self._clock() + SETTLE_S
            if is_refused and sink in self._through:
                self._settle(sink, "sent")  # those before it
            self._through[sink] = max(through, self._through.get(sink, 0))
            if is_refused:
                self._settle(sink, "refused")

    def left_here(self) -> list[Sight]:
        """What was told to have come and never to have gone: a run before this one was cut off.
        Told once, as soon as the disk does.
        """
        with self._lock:
            if self._left is None:
                return []
            left, self._left = self._left, []
            return left

    def here(self) -> dict[str, dict[str, int]]:
        """camera -> label -> how many of them are there now, as far as was told."""
        with self._lock:
            return self._try(lambda: self._ledger.here()) or {}

    def counts(self, sink: str) -> Counts:
        with self._lock:
            through = self._through.get(sink, 0)
            told = self._try(lambda: self._ledger.counts(sink, through)) or Counts()
            dropped = told.dropped + self._unnoted
            return replace(told, dropped=dropped, waiting=len(self._waiting))

    def announced(self, sink: str) -> set[str]:
        """Cameras of which the sink was told what stays there, by this run or an earlier one."""
        with self._lock:
            return self._try(lambda: self._ledger.announced(sink)) or set()

    def announce(self, sink: str, cameras: Collection[str]) -> None:
        """From now on those are."""
        with self._lock:
            self._try(lambda: self._ledger.announce(sink, cameras))

    @property
    def is_there(self) -> bool:
        """Its disk let it be opened."""
        return not self._is_lost

    @property
    def waiting(self) -> int:
        """Events in memory, for which the disk has no room."""
        return len(self._waiting)

    def strangers(self) -> dict[str, int]:
        """Sinks that are not among ours -> what is owed to them."""
        with self._lock:
            return self._try(lambda: self._ledger.strangers()) or {}

    def close(self) -> None:
        """Later calls get nothing and change nothing: a thread may still wait for the lock."""
        with self._lock:
            self._accepted()
            self._settle_all()
            self._is_closed = True
            if self._waiting:
                log.error("%s: %d events are lost with it", self._path, len(self._waiting))
            try:
                if not self._is_lost:
                    self._ledger.db.close()
            except sqlite3.Error as e:  # nothing is lost: it is read again at the next start
                log.warning("%s: %s", self._path, e)

    # Inside, with the lock held.

    def _begin(self) -> None:
        self._is_lost = True  # until a database is open
        self._ledger = Ledger(self._path, self._sinks, self._limits, self._last)
        self._file = self._path.stat()
        self._through = {}
        if self._left is None:  # later, they are this run's
            self._left = self._ledger.cut_off
        self._is_lost = False

    def _is_time(self) -> bool:
        """Is there any use in writing?"""
        return self._clock() >= self._retry_s

    def _accepted(self) -> tuple[int, ...]:
        """Writes what waits, and acknowledgements with it."""
        events = self._waiting
        if not events:
            if self._clock() >= self._settle_s:
                self._settle_all()
            return ()
        seqs = self._try(lambda: self._ledger.write(events, self._through, self._unnoted))
        if seqs is None:
            self._settle_all()  # they make room
            self._retry_s = self._clock() + RETRY_S
            return self._wait()
        self._waiting, self._through, self._unnoted = [], {}, 0
        self._last = seqs[-1]
        self.outage.over()
        return seqs

    def _settle_all(self) -> None:
        for sink in list(self._through):
            self._settle(sink, "sent")

    def _settle(self, sink: str, what: str) -> None:
        def settled() -> bool:  # 0: another database took the place of that one meanwhile
            return self._ledger.settle(sink, self._through.get(sink, 0), what)

        if self._try(settled) is not None:
            self._through.pop(sink, None)

    def _wait(self) -> tuple[int, ...]:
        """In memory, those of least value give way."""
        over = len(self._waiting) - WAITING
        if over > 0:
            order = sorted(range(len(self._waiting)), key=lambda n: (self._value(n), n))
            gone = set(order[:over])
            self._waiting = [e for n, e in enumerate(self._waiting) if n not in gone]
            self.lost, self._unnoted = self.lost + over, self._unnoted + over
        return ()

    def _value(self, n: int) -> int:
        return VALUE[self._waiting[n].type]

    def _try(self, work: Callable[[], T]) -> T | None:
        """What `work` gives; None when the disk does not take it, or the database is damaged."""
        if self._is_closed:  # SQLite's error for that is the one for damage
            return None
        if not self._is_lost and self._is_taken():
            self._lose()
        elif self._is_lost and not self._is_time():
            return None
        try:
            if self._is_lost:
                self._retry_s = self._clock() + RETRY_S
                self._begin()
                self._retry_s = 0.0
            return work()
        except sqlite3.OperationalError as e:
            self.outage.met(f"{self._path}: {e}")
        except (SinkError, OSError) as e:  # the file of numbers, or none can be begun
            self.outage.met(str(e))
        except sqlite3.DatabaseError as e:
            self._renew(str(e))
        return None

    def _is_taken(self) -> bool:
        """Whether the open file is no longer the one at its path. SQLite would not notice."""
        try:
            return not os.path.samestat(self._path.stat(), self._file)
        except OSError:
            return True

    def _lose(self) -> None:
        """Closed before another is opened: SQLite removes the side files by their names."""
        log.error("%s: was taken away, with what it owed; another goes on", self._path)
        with suppress(sqlite3.Error):
            self._ledger.db.close()
        self._is_lost, self._stale = True, set(self._sinks)

    def _renew(self, why: str) -> None:
        """Set a database aside that turned out damaged, and begin another. Where the disk does not
        allow that, it is tried again.
        """
        if not self._is_lost:
            self._ledger.db.close()
        self._is_lost = True
        try:
            database.set_aside(self._path, why)
            self._begin()
        except (SinkError, OSError, sqlite3.Error) as e:
            self.outage.met(str(e))
