"""What the workshop refuses on purpose: exit code 2, a line that says what is found, a fix.

And 74 when it is the disk that refuses.
"""

from __future__ import annotations

from edge.errors import EdgeError, UsageError


class WorkshopError(UsageError):
    """A folder, a file or a flag is not what a stage needs."""

    def __init__(self, where: object, found: str, expected: str, fix: str) -> None:
        super().__init__(f"{where}: {found}, expected {expected}", fix=fix)


class DiskError(EdgeError):
    """A disk is full, or a file may not be read or written. See `disk.disk_error`."""

    exit_code = 74  # EX_IOERR


def reason(error: Exception) -> str:
    """Its class and its first line: some converters raise a page, and some nothing at all."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
