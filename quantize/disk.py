"""Files that are there whole or not at all, whatever is killed, full or unplugged."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from quantize.errors import DiskError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
AGAIN = "run the same command again: what is written stays"


def write(file: Path, content: bytes | memoryview) -> None:
    """The file with this content. Raises DiskError when the disk does not take it."""
    with replacing(file) as stream:
        stream.write(content)


@contextmanager
def replacing(file: Path) -> Iterator[BinaryIO]:
    """A stream beside `file`; at its end what was written becomes the file.

    Raises DiskError when the disk does not take it.
    """
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut may leave the name without the bytes
        temporary.replace(file)
    except OSError as e:
        raise disk_error(e, file) from e
    finally:
        with suppress(OSError):
            temporary.unlink()


def require(size_bytes: int, folder: Path) -> None:
    """Raises DiskError when the disk has less free: converters of C++ end the process without a
    word, or take it for a fault of the network.
    """
    free = shutil.disk_usage(folder).free
    if free < size_bytes:
        found = f"{folder}: {free / 1e6:.0f} MB free, expected {size_bytes / 1e6:.0f} at least"
        raise DiskError(found, fix=f"free some space and {AGAIN}; or --out OTHER")


def disk_error(error: OSError, file: Path | None = None) -> DiskError:
    """What the system says, of which file, and what helps."""
    found = f"{file or error.filename or 'disk'}: {error.strerror or error}"
    if error.errno in FULL:
        return DiskError(found, fix=f"free some space and {AGAIN}")
    if error.errno in FORBIDDEN:
        return DiskError(found, fix=f"let it be written, and {AGAIN}; or --out OTHER")
    return DiskError(found, fix=f"mend that and {AGAIN}")
