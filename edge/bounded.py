"""Files read with a limit: what somebody gave may be of any size, or a pipe."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import EdgeError


def read(path: Path, most: int, kind: type[EdgeError], expected: str, fix: str) -> bytes:
    """The bytes of a file.

    Raises `kind` with `fix`: for one that cannot be read, and for one of more than `most` bytes,
    which is not what was `expected`.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size or most  # a pipe does not say
            data = file.read(min(size, most) + 1)  # no more memory than the file takes
    except OSError as e:
        raise kind(f"{path}: {e.strerror or e}", fix=fix) from e
    except ValueError as e:  # a zero byte in it
        raise kind(f"{str(path)!r}: no path, expected {expected}", fix=fix) from e
    if len(data) > most:
        raise kind(f"{path}: larger than {most} bytes, expected {expected}", fix=fix)
    return data
