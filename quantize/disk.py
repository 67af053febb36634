"""Files that are there whole or not at all, whatever is killed, full or unplugged."""

from __future__ import annotations

import os
from pathlib import Path

from quantize.errors import WorkshopError


def write(file: Path, content: bytes) -> None:
    """Write beside, then rename. Raises WorkshopError when the disk does not take it."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut may leave the name without the bytes
        temporary.replace(file)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise WorkshopError(
            file,
            f"{len(content):,} bytes are not written ({e.strerror})",
            "a disk that takes them",
            "free some space and run the same command again: what is written stays",
        ) from e
