"""What a run uses: room on the disk of a folder (or where it will lie once it is made), memory, and
bytes written.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge.errors import SinkError

SPARE_BYTES = 256 << 20  # that a disk keeps free for events, or a tenth of a small one


def nearest(folder: Path) -> Path:
    """`folder`, or the nearest one above it that is there."""
    return next((p for p in (folder, *folder.parents) if p.is_dir()), Path("/"))


def free_bytes(folder: Path) -> int | None:
    """For us, not for root; None where nobody tells."""
    try:
        return shutil.disk_usage(nearest(folder)).free
    except OSError:
        return None


def leave_room(folder: Path) -> None:
    """Raises SinkError where its disk has no more than what is left to the events."""
    try:
        disk = shutil.disk_usage(nearest(folder))
    except OSError:
        return  # whoever writes there says so
    spare = min(SPARE_BYTES, disk.total // 10)
    if disk.free < spare:
        raise SinkError(
            f"{folder}: the disk has less than {spare / 2**20:.3g} MB free, which are for events",
            fix="make room, or name a folder on another disk",
        )


def resident_bytes() -> int | None:
    """Of this process; None where nobody tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def written_bytes() -> int | None:
    """That this process sent to disks: what wears out a card; None where nobody tells."""
    try:
        told = Path("/proc/self/io").read_text("ascii")
    except OSError:
        return None
    found = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    return int(found["write_bytes"]) if found.get("write_bytes", "").isdecimal() else None
