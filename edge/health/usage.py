"""What a run uses: room on the disk of a folder (or where it will lie once it is made), memory, and
bytes written.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def nearest(folder: Path) -> Path:
    """`folder`, or the nearest one above it that is there."""
    return next((p for p in (folder, *folder.parents) if p.is_dir()), Path("/"))


def free_bytes(folder: Path) -> int | None:
    """For us, not for root; None where nobody tells."""
    try:
        return shutil.disk_usage(nearest(folder)).free
    except OSError:
        return None


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
