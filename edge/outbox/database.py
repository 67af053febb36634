"""The outbox's file: SQLite with a write-ahead log, checked when it is opened.

A commit is on the disk when it returns (synchronous = FULL): a power cut loses nothing that was
accepted. The lock is exclusive: a second process is refused, and no shared memory file is needed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from edge.errors import SinkError
from edge.store import make_folder

log = logging.getLogger(__name__)

SCHEMA = 1  # of the tables
WAL_BYTES = 1 << 20  # the log is cut back to this once it was written over
FIX = "name another file with --outbox: each edge-tag that runs needs its own"
ROOM = "make room on its disk; ls -ld tells who may write there; or name another file with --outbox"
SIDE_FILES = ("", "-wal", "-shm")
OWN = {"event", "owed", "here", "total"}  # tables

TABLES = """
CREATE TABLE event (       -- what some sink still owes
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    value INTEGER NOT NULL,                     -- the least is dropped first
    body  BLOB NOT NULL                         -- JSON, as it is sent
);
CREATE INDEX event_by_value ON event (value, seq);
CREATE TABLE owed (        -- one row an event that a sink still owes
    sink  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
CREATE INDEX owed_by_seq ON owed (seq);
CREATE TABLE here (        -- what was told to have come, and not yet to have gone
    id    TEXT PRIMARY KEY,
    camera TEXT NOT NULL,
    label TEXT NOT NULL,
    sight BLOB NOT NULL                         -- JSON
) WITHOUT ROWID;
CREATE TABLE total (       -- counted over restarts
    sink  TEXT NOT NULL,
    what  TEXT NOT NULL,                        -- sent, dropped, refused
    count INTEGER NOT NULL,
    PRIMARY KEY (sink, what)
) WITHOUT ROWID;
"""

# In outboxes of before there was it, too: older ones of edge-tag leave it alone.
ANNOUNCED = """
CREATE TABLE IF NOT EXISTS announced (  -- cameras of which a sink was told what stays there
    sink   TEXT NOT NULL,
    camera TEXT NOT NULL,
    PRIMARY KEY (sink, camera)
) WITHOUT ROWID
"""


class Damaged(Exception):
    """The file is no database, or one that lost pages."""


class Foreign(SinkError):
    """The file is another's: no other disk, and no patience, makes it ours."""


def open_database(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The database at `path`, and whether it goes on from before; a damaged one is set aside.

    Raises SinkError when it cannot be opened; Foreign when it is another process's, a newer
    edge-tag's, or a file that never was an outbox.
    """
    if path.is_dir():
        raise _stranger(path, "a folder")
    make_folder(path.parent)
    try:
        return _open(path)
    except Damaged as e:
        if not numbers_file(path).exists():  # an outbox has one from its beginning
            raise _stranger(path, str(e)) from e
        set_aside(path, str(e))
    try:
        return _open(path)[0], False
    except Damaged as e:
        raise SinkError(f"{path}: {e}", fix="name another file with --outbox") from e


def numbers_file(path: Path) -> Path:
    """Where the numbers lie that the database at `path` may give."""
    return path.with_name(f"{path.name}.seq")


def set_aside(path: Path, why: str) -> None:
    """The file gets a name that none has. Raises SinkError."""
    aside, was_there = _free(path.with_name(f"{path.name}.damaged")), path.exists()
    try:
        for end in SIDE_FILES:
            file = path.with_name(path.name + end)
            if file.exists():
                file.replace(aside.with_name(aside.name + end))
    except OSError as e:
        raise SinkError(f"{path}: {e.strerror}", fix="name another file with --outbox") from e
    if was_there:
        log.error("%s: %s; set aside as %s, what it owed is lost", path, why, aside.name)


def _free(path: Path) -> Path:
    """`path`, or `<path>-2` and so on."""
    names = (path.name if n == 1 else f"{path.name}-{n}" for n in count(1))
    return next(p for p in map(path.with_name, names) if not p.exists())


def _stranger(path: Path, found: str) -> Foreign:
    return Foreign(
        f"{path}: {found}, expected an outbox, or no file: it is left as it is",
        fix="name another file with --outbox",
    )


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; on the disk when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk rolled it back already
            db.execute("ROLLBACK")
        raise


def _open(path: Path) -> tuple[sqlite3.Connection, bool]:
    db = None
    try:
        db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        return db, _prepare(db, path)
    except BaseException as e:
        if db is not None:
            db.close()
        if isinstance(e, sqlite3.OperationalError):
            is_locked = "locked" in str(e)
            kind, fix = (Foreign, FIX) if is_locked else (SinkError, ROOM)
            raise kind(f"{path}: {e}", fix=fix) from e
        if isinstance(e, sqlite3.DatabaseError):
            raise Damaged(str(e)) from e
        raise


def _prepare(db: sqlite3.Connection, path: Path) -> bool:
    """True when its tables were there. Nothing is changed in what is not ours."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in names}
    if tables and not tables >= OWN:
        raise _stranger(path, "a database of something else")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    [version] = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise Foreign(
            f"{path}: schema is {version}, expected at most {SCHEMA}: a newer edge-tag wrote it",
            fix="name another file with --outbox, or use the newer edge-tag",
        )
    [found] = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(str(found).splitlines()[-1])
    with transaction(db):  # also takes the lock
        if not tables:
            for statement in TABLES.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA}")
        db.execute(ANNOUNCED)
    return bool(tables)
