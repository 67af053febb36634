"""Numbers that only grow, over restarts and over the loss of the database that used them.

A small file beside the database holds a number above all that were given. It is on the disk before
the first of its block is used: whoever finds the database damaged goes on from there. That leaves
a gap, which a reader of events cannot mistake for a number given twice.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from edge.store import write_whole

BLOCK = 1000
MOST = 2**53  # every JSON reader has integers up to here


class Numbers:
    """`peek` the next number, and `advance` past those that were used."""

    def __init__(self, path: Path, last_used: int, *, is_known: bool) -> None:
        """is_known  the database is whole: `last_used` is the last number that it gave"""
        self._path = path
        self._ceiling = _read(path)
        self._next = last_used + 1 if is_known else max(last_used + 1, self._ceiling)

    def peek(self, count: int) -> int:
        """The first of `count` numbers, all of them reserved on the disk. Raises SinkError."""
        if self._next + count > self._ceiling:
            ceiling = self._next + count + BLOCK
            write_whole(self._path, b"%d\n" % ceiling, is_synced=True)
            self._ceiling = ceiling
        return self._next

    def advance(self, count: int) -> None:
        self._next += count


def _read(path: Path) -> int:
    """The number in the file; 1 where there is none, or none in it."""
    with suppress(OSError, ValueError):
        with path.open("rb") as file:
            number = int(file.read(32))
        return number if 0 < number < MOST else 1
    return 1
