"""A file that only grows at its end, and is put aside when it is large or old.

`tags.jsonl` becomes `tags.jsonl.1`, that one `tags.jsonl.2`, and the last one goes. A record is in
the file whole or not at all: what a full disk cut is taken back, what a power cut left of a line is
cut off at the next start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import BinaryIO

from edge import store
from edge.clock import epoch_s
from edge.errors import SinkError
from edge.health.usage import leave_room
from edge.sinks.target import Target

SYNCS = ("always", "second", "never")  # when what was written is on the disk for certain
TAIL_BYTES = 1 << 20  # a longer line than this was not written by us
HEAD_BYTES = 1 << 16  # in which the first record says its time
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class RotatingFile:
    """An open file of records, and those that were put aside before it.

    max_bytes  put aside before it would grow beyond; 0: never
    max_age_s  put aside when its first record is so old; 0: never
    keep       files put aside, at most
    sync       one of SYNCS
    begins     each file; what begins otherwise is somebody else's, and refused
    heading    first line of each file; one with another, as an older edge-tag's, is put aside:
               under that, our columns would be wrong ones
    is_patient  one that cannot be opened yet is tried again with each record; else SinkError is
                raised
    leaves_room  nothing is added where the disk has only room for events
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = 0,
        max_age_s: float = 0.0,
        keep: int = 5,
        sync: str = "second",
        begins: bytes = b"",
        heading: bytes = b"",
        clock: Callable[[], float] = monotonic,
        is_patient: bool = False,
        leaves_room: bool = False,
    ) -> None:
        self.path, self._leaves_room = path, leaves_room
        self._max_bytes, self._max_age_s, self._keep = max_bytes, max_age_s, keep
        self._sync, self._heading, self._clock = sync, heading, clock
        self._begins = begins
        self._synced_s = monotonic()
        self._file: BinaryIO | None = None
        with suppress(*[SinkError] * is_patient):
            self._open()

    def append(self, record: bytes) -> None:
        """One or more whole lines. Raises SinkError; the file is then as it was before."""
        try:
            if self._is_taken():
                self._let_go()
            file = self._file or self._open()
            if self._is_due(len(record)):
                file = self._put_aside()  # which may make room
            if self._leaves_room:
                leave_room(self.path.parent)
            self._add(file, (self._heading if self._bytes == 0 else b"") + record)
            is_due = self._sync == "second" and monotonic() - self._synced_s >= 1.0
            if self._sync == "always" or is_due:
                os.fsync(file.fileno())
                self._synced_s = monotonic()
        except OSError as e:
            self._let_go()  # what comes back, like a disk, is to be opened again
            raise SinkError(
                f"{self.path}: {e.strerror}", fix="make room, or name another file"
            ) from e

    def close(self) -> None:
        if self._file is not None and self._sync != "never":
            with suppress(OSError):
                os.fsync(self._file.fileno())
        self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _is_taken(self) -> bool:
        """Is what is open not what lies there? Somebody took it away, or its disk is gone."""
        if self._file is None:
            return False
        try:
            there, ours = self.path.stat(), os.fstat(self._file.fileno())
        except OSError:
            return True
        return not os.path.samestat(there, ours) or there.st_size != self._bytes

    def _open(self) -> BinaryIO:
        store.make_folder(self.path.parent)
        if self.path.exists() and not self.path.is_file():
            raise SinkError(f"{self.path}: no regular file", fix="name another file")
        try:
            file = self._at_its_end()
            if not self._has(self._begins):
                file.close()
                raise SinkError(
                    f"{self.path}: begins like no file of results, expected one of them, or none",
                    fix="name another file",
                )
            self._is_other = not self._has(self._heading)
            self._bytes = file.tell() if self._is_other else _whole_bytes(self.path)
            if self._bytes < file.tell():
                file.truncate(self._bytes)
            self._began_s = self._clock()
            if self._bytes:  # of an earlier run; the wall clock says how old, and only now
                self._began_s -= max(0.0, time() - _began_s(self.path))
        except OSError as e:
            raise SinkError(f"{self.path}: {e.strerror}", fix="name another file") from e
        self._file = file
        return file

    def _at_its_end(self) -> BinaryIO:
        """Open; the name of a new one is on the disk, too, or a power cut takes all of it."""
        is_new = not self.path.exists()
        file = self.path.open("ab", buffering=0)
        if is_new and self._sync != "never":
            with suppress(OSError):  # not every file system can
                store.sync(self.path.parent)
        return file

    def _has(self, beginning: bytes) -> bool:
        """What a power cut left may be short, or zeros."""
        with self.path.open("rb") as file:
            return beginning.startswith(file.read(len(beginning)).rstrip(b"\0"))

    def _add(self, file: BinaryIO, data: bytes) -> None:
        if self._bytes == 0:
            self._began_s = self._clock()
        try:
            written = 0
            while written < len(data):  # a full disk takes a part first
                written += file.write(data[written:])
        except OSError:
            with suppress(OSError):
                file.truncate(self._bytes)
            raise
        self._bytes += len(data)

    def _is_due(self, more: int) -> bool:
        if self._bytes == 0:
            return False
        is_large = 0 < self._max_bytes < self._bytes + more
        return is_large or self._is_other or 0 < self._max_age_s <= self._clock() - self._began_s

    def _put_aside(self) -> BinaryIO:
        self.close()
        if self._keep == 0:
            self.path.unlink()
        for number in range(self._keep, 0, -1):
            older = self.path if number == 1 else self._aside(number - 1)
            if older.exists():
                older.replace(self._aside(number))
        return self._open()

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def open_rotating(
    target: Target, sync: str, begins: bytes = b'{"', heading: bytes = b""
) -> RotatingFile:
    """With the options that every kind of file has. Raises UsageError and SinkError."""
    max_mb = target.number("max-mb", 0.0)
    max_hours = target.number("max-hours", 0.0)
    keep = int(target.number("keep", 5, most=1000))
    sync = target.word("sync", sync, SYNCS)
    return RotatingFile(
        Path(target.where),
        max_bytes=int(max_mb * 2**20),
        max_age_s=max_hours * 3600,
        keep=keep,
        sync=sync,
        begins=begins,
        heading=heading,
        is_patient=target.is_patient,
        leaves_room=target.leaves_room and target.kind != "events",
    )


def _began_s(path: Path) -> float:
    """When its first record was written, s since 1970, as that one says; else when its last was."""
    with path.open("rb") as file:
        found = TIME.search(file.read(HEAD_BYTES))
    return (found and epoch_s(found[0].decode())) or path.stat().st_mtime


def _whole_bytes(path: Path) -> int:
    """Up to the end of its last whole line."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read(TAIL_BYTES)
    end = tail.rfind(b"\n")
    return size - len(tail) + end + 1 if end >= 0 or len(tail) == size else size
