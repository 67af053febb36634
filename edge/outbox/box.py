"""The outbox: every accepted event is on the disk until each sink has it, or has to do without.

Accepted means: `accept` returned its number. From then on it survives an outage of a broker, the
end of the process and a power cut, and is given to each sink at least once, in the order of its
number. Where there are more events than there is room for, those of least value go first, the
oldest first, and are counted.

A full disk accepts nothing: events wait in memory, at most WAITING of them, and are accepted as
soon as there is room. A damaged database is set aside, said so, and a new one goes on.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from edge.errors import SinkError
from edge.events.event import VALUE, Event, Sight
from edge.outbox import database
from edge.outbox.sequence import Sequence as Numbers

log = logging.getLogger(__name__)

WAITING = 1000  # events in memory, while the disk takes none
RETRY_S = 1.0  # between two tries to write them
T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    """What the outbox may hold. On the disk it takes up to about twice the bytes."""

    events: int = 100_000
    bytes: int = 64 << 20  # of their JSON


LIMITS = Limits()


class Owed(msgspec.Struct, frozen=True):
    """An event that a sink has not got yet."""

    seq: int
    body: bytes  # JSON of an `Event`


class Counts(msgspec.Struct, frozen=True):
    """Of one sink; all but `owed` over every restart."""

    owed: int = 0
    sent: int = 0
    dropped: int = 0  # for want of room
    refused: int = 0  # the other side will never take them


class Outbox:
    """Not for two processes; any number of threads.

    sinks  names of those who are to get every event from now on. What is owed to others, of an
           earlier run, stays and counts: they may come back.
    Raises SinkError when it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        sinks: Sequence[str],
        limits: Limits = LIMITS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._path, self._sinks, self._limits = path, tuple(sinks), limits
        self._lock, self._clock = Lock(), clock
        self._retry_s = 0.0  # when the disk is tried again, after it took nothing
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[Event] = []
        self.lost = 0  # events that found no room in memory either
        self._said = ""  # what is wrong with the disk, as it was last told
        self._begin()

    def accept(self, events: Sequence[Event]) -> tuple[int, ...]:
        """The numbers of those that are now on the disk: also of some that waited before.

        Empty when the disk takes none; they wait. Never raises for that.
        """
        with self._lock:
            self._waiting += events
            return self._accepted() if self._is_time() else self._wait()

    def owed(self, sink: str, count: int) -> list[Owed]:
        """The next `count` events of a sink, in the order of their numbers."""
        query = (
            "SELECT seq, body FROM owed JOIN event USING (seq) "
            "WHERE sink = ? AND seq > ? ORDER BY seq LIMIT ?"
        )
        with self._lock:
            if self._is_time():
                self._accepted()
            through = self._through.get(sink, 0)
            rows = self._try(lambda: self._db.execute(query, (sink, through, count)).fetchall())
        return [Owed(seq, body) for seq, body in rows or ()]

    def acknowledge(self, sink: str, through: int, *, is_refused: bool = False) -> None:
        """The sink has every event up to number `through`; or will never take them.

        A disk that takes nothing more is no reason to send them again: it is noted in memory.
        """
        with self._lock:
            self._through[sink] = max(through, self._through.get(sink, 0))
            self._settle_now(sink, "refused" if is_refused else "sent")

    def left_here(self) -> list[Sight]:
        """What was told to have come and never to have gone: a run before this one was cut off."""
        with self._lock:
            rows = self._try(lambda: self._db.execute("SELECT sight FROM here").fetchall())
        return [msgspec.json.decode(row[0], type=Sight) for row in rows or ()]

    def here(self) -> dict[str, dict[str, int]]:
        """camera -> label -> how many of them are there now, as far as was told."""
        query = "SELECT camera, label, count(*) FROM here GROUP BY camera, label"
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            for camera, label, count in self._try(lambda: self._db.execute(query).fetchall()) or ():
                found.setdefault(camera, {})[label] = count
        return found

    def counts(self, sink: str) -> Counts:
        with self._lock:
            owed, totals = self._try(lambda: self._count(sink)) or (0, {})
        return Counts(owed, **totals)

    @property
    def waiting(self) -> int:
        """Events in memory, for which the disk has no room."""
        return len(self._waiting)

    def strangers(self) -> dict[str, int]:
        """Sinks that are not among ours -> what is owed to them."""
        query = "SELECT sink, count(*) FROM owed GROUP BY sink"
        with self._lock:
            rows = self._try(lambda: self._db.execute(query).fetchall())
        return {sink: count for sink, count in rows or () if sink not in self._sinks}

    def close(self) -> None:
        with self._lock:
            self._accepted()
            if self._waiting:
                log.error("%s: %d events are lost with it", self._path, len(self._waiting))
            try:
                self._db.close()
            except sqlite3.Error as e:  # nothing is lost: it is read again at the next start
                log.warning("%s: %s", self._path, e)

    # Inside, with the lock held.

    def _begin(self) -> None:
        self._db, is_known = database.open_database(self._path)
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        numbers = self._path.with_name(f"{self._path.name}.seq")
        self._numbers = Numbers(
            numbers, row[0] if row else 0, is_known=is_known and row is not None
        )
        query = "SELECT count(*), coalesce(sum(length(body)), 0) FROM event"
        self._events, self._bytes = self._db.execute(query).fetchone()
        self._through: dict[str, int] = {}  # sink -> acknowledged, and not yet on the disk

    def _is_time(self) -> bool:
        """Is there any use in writing?"""
        return self._clock() >= self._retry_s

    def _accepted(self) -> tuple[int, ...]:
        """Writes what waits, acknowledgements first: they make room."""
        for sink in list(self._through):
            self._settle_now(sink, "sent")
        events = self._waiting
        if not events:
            return ()
        seqs = self._try(lambda: self._write(events))
        if seqs is None:
            self._retry_s = self._clock() + RETRY_S
            return self._wait()
        self._waiting, self._said = [], ""
        return seqs

    def _settle_now(self, sink: str, what: str) -> None:
        through = self._through.get(sink, 0)  # 0: a damaged database was replaced meanwhile
        if self._try(lambda: self._settle(sink, through, what)) is not None:
            self._through.pop(sink, None)

    def _wait(self) -> tuple[int, ...]:
        """In memory, those of least value give way."""
        over = len(self._waiting) - WAITING
        if over > 0:
            order = sorted(range(len(self._waiting)), key=lambda n: (self._value(n), n))
            gone = set(order[:over])
            self._waiting = [e for n, e in enumerate(self._waiting) if n not in gone]
            self.lost += over
        return ()

    def _value(self, n: int) -> int:
        return VALUE[self._waiting[n].type]

    def _write(self, events: Sequence[Event]) -> tuple[int, ...]:
        first = self._numbers.peek(len(events))
        numbered = [replace(event, seq=first + n) for n, event in enumerate(events)]
        bodies = [self._encode(event) for event in numbered]
        before = self._events, self._bytes
        try:
            with database.transaction(self._db):
                for event, body in zip(numbered, bodies):
                    self._insert(event, body)
                self._events += len(bodies)
                self._bytes += sum(map(len, bodies))
                self._trim()
        except BaseException:
            self._events, self._bytes = before
            raise
        self._numbers.advance(len(events))
        return tuple(event.seq for event in numbered)

    def _insert(self, event: Event, body: bytes) -> None:
        run, after = self._db.execute, event.after
        run("INSERT INTO event VALUES (?, ?, ?)", (event.seq, VALUE[event.type], body))
        for sink in self._sinks:
            run("INSERT INTO owed VALUES (?, ?)", (sink, event.seq))
        if event.type == "end":
            run("DELETE FROM here WHERE id = ?", (after.id,))
        else:
            row = (after.id, after.camera, after.label, self._encode(after))
            run("INSERT OR REPLACE INTO here VALUES (?, ?, ?, ?)", row)

    def _trim(self) -> None:
        """Drops what there is no room for."""
        query = "SELECT seq, length(body) FROM event ORDER BY value, seq"
        gone = []
        for seq, size in self._db.execute(query):
            if self._events <= self._limits.events and self._bytes <= self._limits.bytes:
                break
            gone.append((seq,))
            self._events, self._bytes = self._events - 1, self._bytes - size
        for seq in gone:
            rows = self._db.execute("SELECT sink FROM owed WHERE seq = ?", seq)
            self._add(Counter(sink for (sink,) in rows), "dropped")
        self._db.executemany("DELETE FROM owed WHERE seq = ?", gone)
        self._db.executemany("DELETE FROM event WHERE seq = ?", gone)

    def _settle(self, sink: str, through: int, what: str) -> bool:
        query = "SELECT seq FROM owed WHERE sink = ? AND seq <= ?"
        free = (
            "SELECT length(body) FROM event WHERE seq = ? AND NOT EXISTS "
            "(SELECT 1 FROM owed WHERE owed.seq = event.seq)"
        )
        sizes = []
        with database.transaction(self._db):
            seqs = self._db.execute(query, (sink, through)).fetchall()
            self._db.execute("DELETE FROM owed WHERE sink = ? AND seq <= ?", (sink, through))
            for seq in seqs:
                if (row := self._db.execute(free, seq).fetchone()) is not None:
                    sizes.append(row[0])
                    self._db.execute("DELETE FROM event WHERE seq = ?", seq)
            self._add({sink: len(seqs)}, what)
        self._events, self._bytes = self._events - len(sizes), self._bytes - sum(sizes)
        return True

    def _add(self, more: Counter[str] | dict[str, int], what: str) -> None:
        for sink, count in more.items():
            self._db.execute(
                "INSERT INTO total VALUES (?, ?, ?) "
                "ON CONFLICT (sink, what) DO UPDATE SET count = count + excluded.count",
                (sink, what, count),
            )

    def _count(self, sink: str) -> tuple[int, dict[str, Any]]:
        through = self._through.get(sink, 0)
        [owed] = self._db.execute(
            "SELECT count(*) FROM owed WHERE sink = ? AND seq > ?", (sink, through)
        ).fetchone()
        rows = self._db.execute("SELECT what, count FROM total WHERE sink = ?", (sink,))
        return owed, dict(rows.fetchall())

    def _try(self, work: Callable[[], T]) -> T | None:
        """What `work` gives; None when the disk does not take it, or the database is damaged."""
        try:
            return work()
        except sqlite3.OperationalError as e:
            self._say(f"{self._path}: {e}")
        except SinkError as e:  # the file of numbers
            self._say(str(e))
        except sqlite3.DatabaseError as e:
            self._renew(str(e))
        return None

    def _say(self, what: str) -> None:
        """Once an outage."""
        if what != self._said:
            self._said = what
            log.error("%s; events wait in memory, make room", what)

    def _renew(self, why: str) -> None:
        """A damaged database is set aside while we use it."""
        self._db.close()
        try:
            database.set_aside(self._path, why)
            self._begin()
        except (SinkError, sqlite3.Error) as e:
            self._say(str(e))
