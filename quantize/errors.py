"""What the workshop refuses on purpose: exit code 2, a line that says what is found, a fix.

And 74 when it is the disk that refuses.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.errors import EdgeError, UsageError

LISTED = 20  # lines that still fit a terminal


class WorkshopError(UsageError):
    """A folder, a file or a flag is not what a stage needs."""

    def __init__(self, where: object, found: str, expected: str, fix: str) -> None:
        super().__init__(f"{where}: {found}, expected {expected}", fix=fix)


class DiskError(EdgeError):
    """A disk is full, or a file may not be read or written. See `disk.disk_error`."""

    exit_code = 74  # EX_IOERR


def listed(reasons: Sequence[str]) -> str:
    """A line each, below one that says what they are; how many more there are."""
    more = [f"and {len(reasons) - LISTED} more"] if len(reasons) > LISTED else []
    return "".join(f"\n  {line}" for line in (*reasons[:LISTED], *more))


def reason(error: Exception) -> str:
    """Its class and its first line: some converters raise a page, and some nothing at all."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
