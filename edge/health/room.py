"""Room on the disk on which a folder lies, or will lie once it is made."""

from __future__ import annotations

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
