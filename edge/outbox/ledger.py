"""What the outbox has on the disk: events, who is owed which, what was sent and what was dropped.

Not thread-safe. Everything here raises sqlite3's errors, and SinkError where the file of numbers
does not take one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from edge.clock import rfc3339
from edge.events.event import VALUE, Event, Sight
from edge.outbox import database
from edge.outbox.sequence import Numbers
from edge.store import write_whole
from edge.strict import NOT_JSON, decoded

log = logging.getLogger(__name__)

FRESH = 10  # one in so many of the events held is a new one, which goes last


class Limits(msgspec.Struct, frozen=True):
    """What the outbox may hold. On the disk it takes up to about twice the bytes."""

    events: int = 100_000
    bytes: int = 64 << 20  # of their JSON


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
    waiting: int = 0  # in memory: the disk takes none, and without a disk none is owed or sent


class Ledger:
    """The events of an open outbox, and who is owed them.

    sinks  who is to get every event from now on
    last   a number that was given already, maybe by another file: later ones are above it
    """

    def __init__(self, path: Path, sinks: Sequence[str], limits: Limits, last: int = 0) -> None:
        self._sinks, self._limits = tuple(sinks), limits
        self._encode = msgspec.json.Encoder().encode
        self.db, is_known = database.open_database(path)
        try:
            self._begin(database.numbers_file(path), last, is_known=is_known)
        except BaseException:
            self.db.close()  # its lock would outlive it, and the next try find that
            raise

    def _begin(self, numbers: Path, last: int, *, is_known: bool) -> None:
        row = self.db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        is_known = is_known and row is not None
        if not numbers.exists():  # from now on it says that this is an outbox
            write_whole(numbers, b"1\n", is_synced=True)
        self._numbers = Numbers(numbers, max(last, row[0] if row else 0), is_known=is_known)
        query = "SELECT count(*), coalesce(sum(length(body)), 0) FROM event"
        self._events, self._bytes = self.db.execute(query).fetchone()
        self.cut_off = self._open_sights()  # the run before could not say that they ended

    def write(
        self, events: Sequence[Event], sent: Mapping[str, int], lost: int = 0
    ) -> tuple[int, ...]:
        """All of them or none; their numbers. What there is no room for is dropped.

        sent  by sink, up to which number it has every event: noted first, in the same commit
        lost  events before these that found no room: counted as dropped
        """
        first = self._numbers.peek(len(events))
        numbered = [replace(event, seq=first + n) for n, event in enumerate(events)]
        bodies = [self._encode(event) for event in numbered]
        before = self._events, self._bytes
        try:
            with database.transaction(self.db):
                for sink, through in sent.items():
                    self._settle(sink, through, "sent")
                self._add(dict.fromkeys(self._sinks, lost) if lost else {}, "dropped")
                for event, body in zip(numbered, bodies):
                    self._insert(event, body)
                self._events += len(bodies)
                self._bytes += sum(map(len, bodies))
                self._trim(first + len(events) - 1)
        except BaseException:
            self._events, self._bytes = before
            raise
        self._numbers.advance(len(events))
        return tuple(event.seq for event in numbered)

    def settle(self, sink: str, through: int, what: str) -> bool:
        """The sink is owed nothing up to that number; what: it was sent, or refused."""
        before = self._events, self._bytes
        try:
            with database.transaction(self.db):
                self._settle(sink, through, what)
        except BaseException:
            self._events, self._bytes = before
            raise
        return True

    def owed(self, sink: str, after: int, count: int) -> list[Owed]:
        """The next `count` events of a sink above number `after`, in the order of their numbers."""
        query = (
            "SELECT seq, body FROM owed JOIN event USING (seq) "
            "WHERE sink = ? AND seq > ? ORDER BY seq LIMIT ?"
        )
        return [Owed(seq, body) for seq, body in self.db.execute(query, (sink, after, count))]

    def counts(self, sink: str, after: int) -> Counts:
        """As they are once the sink has every event up to number `after`."""
        query = "SELECT count(*), coalesce(sum(seq > ?), 0) FROM owed WHERE sink = ?"
        there, owed = self.db.execute(query, (after, sink)).fetchone()
        rows = self.db.execute("SELECT what, count FROM total WHERE sink = ?", (sink,))
        told = Counts(owed, **dict(rows.fetchall()))
        return replace(told, sent=told.sent + there - owed)

    def _open_sights(self) -> list[Sight]:
        """What was told to have come and not to have gone."""
        rows = self.db.execute("SELECT id, sight FROM here").fetchall()
        sights = [self._sight(number, body) for number, body in rows]
        return [sight for sight in sights if sight is not None]

    def here(self) -> dict[str, dict[str, int]]:
        """camera -> label -> how many of those are there now."""
        found: dict[str, dict[str, int]] = {}
        query = "SELECT camera, label, count(*) FROM here GROUP BY camera, label"
        for camera, label, count in self.db.execute(query):
            found.setdefault(camera, {})[label] = count
        return found

    def announced(self, sink: str) -> set[str]:
        rows = self.db.execute("SELECT camera FROM announced WHERE sink = ?", (sink,))
        return {camera for (camera,) in rows}

    def announce(self, sink: str, cameras: Collection[str]) -> None:
        """Those, and no other."""
        with database.transaction(self.db):
            self.db.execute("DELETE FROM announced WHERE sink = ?", (sink,))
            rows = [(sink, camera) for camera in cameras]
            self.db.executemany("INSERT INTO announced VALUES (?, ?)", rows)

    def strangers(self) -> dict[str, int]:
        """Sinks that are not among ours -> what is owed to them."""
        rows = self.db.execute("SELECT sink, count(*) FROM owed GROUP BY sink")
        return {sink: count for sink, count in rows if sink not in self._sinks}

    def _sight(self, number: str, body: bytes) -> Sight | None:
        """Of one that the disk has damaged nothing can be said: it is forgotten."""
        try:
            sight = decoded(body, Sight)
            rfc3339(sight.end_time or sight.frame_time)  # its end will say it
            return sight
        except (*NOT_JSON, ValueError, OSError) as e:  # no time of this calendar
            log.error("outbox: what is known of thing %s is damaged: %s", number, e)
            self.db.execute("DELETE FROM here WHERE id = ?", (number,))
            return None

    def _insert(self, event: Event, body: bytes) -> None:
        run, after = self.db.execute, event.after
        run("INSERT INTO event VALUES (?, ?, ?)", (event.seq, VALUE[event.type], body))
        for sink in self._sinks:
            run("INSERT INTO owed VALUES (?, ?)", (sink, event.seq))
        if event.type == "end":
            run("DELETE FROM here WHERE id = ?", (after.id,))
        else:
            row = (after.id, after.camera, after.label, self._encode(after))
            run("INSERT OR REPLACE INTO here VALUES (?, ?, ?, ?)", row)

    def _trim(self, newest: int) -> None:
        """What there is no room for goes."""
        gone = []
        for number, size in self._least(newest):
            if self._events <= self._limits.events and self._bytes <= self._limits.bytes:
                break
            gone.append((number,))
            self._events, self._bytes = self._events - 1, self._bytes - size
        for seq in gone:
            rows = self.db.execute("SELECT sink FROM owed WHERE seq = ?", seq)
            self._add(Counter(sink for (sink,) in rows), "dropped")
        self.db.executemany("DELETE FROM owed WHERE seq = ?", gone)
        self.db.executemany("DELETE FROM event WHERE seq = ?", gone)

    def _least(self, newest: int) -> Iterator[tuple[int, int]]:
        """Number and bytes of each event: those of least value first, the oldest first. The newest
        ones last, whatever their value: a sink that is there has not got them yet, and one that is
        away must not cost it any.
        """
        settled = (newest - self._events // FRESH,)
        query = "SELECT seq, length(body) FROM event WHERE seq {} ? ORDER BY value, seq"
        yield from self.db.execute(query.format("<="), settled)
        yield from self.db.execute(query.format(">"), settled)

    def _settle(self, sink: str, through: int, what: str) -> None:
        query = "SELECT seq FROM owed WHERE sink = ? AND seq <= ?"
        free = (
            "SELECT length(body) FROM event WHERE seq = ? AND NOT EXISTS "
            "(SELECT 1 FROM owed WHERE owed.seq = event.seq)"
        )
        seqs = self.db.execute(query, (sink, through)).fetchall()
        self.db.execute("DELETE FROM owed WHERE sink = ? AND seq <= ?", (sink, through))
        for seq in seqs:
            if (row := self.db.execute(free, seq).fetchone()) is not None:
                self.db.execute("DELETE FROM event WHERE seq = ?", seq)
                self._events, self._bytes = self._events - 1, self._bytes - row[0]
        self._add({sink: len(seqs)}, what)

    def _add(self, more: Mapping[str, int], what: str) -> None:
        for sink, count in more.items():
            self.db.execute(
                "INSERT INTO total VALUES (?, ?, ?) "
                "ON CONFLICT (sink, what) DO UPDATE SET count = count + excluded.count",
                (sink, what, count),
            )
