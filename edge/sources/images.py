"""Pictures: one file; and what lies in a folder and its subfolders."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from edge.clock import utc_now
from edge.errors import EdgeError, SourceError
from edge.pictures import pixels
from edge.pictures.suffixes import OURS, PICTURES
from edge.records import Frame
from edge.redact import encodable
from edge.sources.request import SourceRequest

LOOK = "ls -l tells what it is, and who may read it"
MAX_BYTES = 512 * 2**20  # a picture file larger than this is not a picture


class ImageSource:
    """A picture. An unreadable one is a frame with an error."""

    is_live = False
    newest = None

    def __init__(self, name: str, is_stopped: Callable[[], bool]) -> None:
        self.name = name
        self.count: int | None = 1
        self._is_stopped = is_stopped

    def frames(self) -> Iterator[Frame]:
        if not self._is_stopped():
            yield read_frame(self.name)

    def close(self) -> None:
        """Nothing is held open."""


def open_from(request: SourceRequest) -> ImageSource:
    """A picture; every one counts, so `every_s` is not used."""
    return ImageSource(request.text, request.is_stopped)


def pictures_in(folder: str) -> list[str]:
    """Every picture below `folder`. Raises SourceError as `files_in`."""
    return files_in(folder, PICTURES, "picture")


def files_in(folder: str, suffixes: Collection[str], what: str) -> list[str]:
    """Every such file below `folder`, in natural order (2 before 10), as `folder/...`.

    Hidden files and folders are left out, and so is what `--annotate` and `--explain` wrote.
    Raises SourceError, with what was found instead, when nothing is left or the folder cannot be
    read.
    """
    found: list[str] = []
    others: Counter[str] = Counter()
    for root, names, files in os.walk(folder, onerror=_refuse):
        names[:] = [name for name in names if not name.startswith(".")]
        for file in files:
            suffix = Path(file).suffix.lower()
            if file.startswith(".") or file.endswith(OURS) or suffix not in suffixes:
                others[suffix or "no suffix"] += 1
            else:
                found.append(str(Path(root, file)))
    if not found:
        held = ", ".join(f"{n} x {suffix}" for suffix, n in others.most_common(5)) or "nothing"
        raise SourceError(
            f"{folder}: no {what} in this folder, found {held}",
            fix=f"expected files ending in {' '.join(sorted(suffixes))}",
        )
    return sorted(found, key=natural)


def natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts 2.jpg before 10.jpg: runs of digits compare as numbers."""
    pieces = re.split(r"([0-9]+)", path)  # text, digits, text, digits, ... text
    return [(int(piece) if n % 2 else -1, piece) for n, piece in enumerate(pieces)]


def read_frame(path: str) -> Frame:
    """The picture at `path`, RGB, or the reason why there is none."""
    name = encodable(path)
    try:
        return Frame(name, 0, utc_now(), pixels.decode(read_bytes(path), name))
    except EdgeError as e:
        return Frame(name, 0, utc_now(), None, encodable(str(e)), fix=e.fix)


def read_bytes(path: str) -> bytes:
    """The file, bounded. Raises SourceError, for a pipe or a device too: it could hang."""
    file = Path(path)
    try:
        if not file.is_file():
            raise SourceError(f"{path}: not a file", fix=LOOK)
        if (size := file.stat().st_size) > MAX_BYTES:
            raise SourceError(
                f"{path}: {size} bytes, expected at most {MAX_BYTES} for a picture",
                fix="scale it down, or leave it out",
            )
        return file.read_bytes()
    except OSError as e:
        raise SourceError(f"{path}: {e.strerror}", fix=LOOK) from e


def _refuse(e: OSError) -> None:
    raise SourceError(f"{e.filename}: {e.strerror}", fix=LOOK) from e
