"""What lies in a folder of pictures: its files, and a digest by which other ones are noticed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from quantize.errors import WorkshopError


def files_below(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """Every file in `folder` and its folders, in order of their names.

    Links are followed, but for one to a folder around itself, which has no end. A name with a dot
    first is passed over: editors and systems keep their own things so. `above`: the folders around
    this one, by device and inode. Raises WorkshopError for a folder that cannot be read.
    """
    try:
        here = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as e:
        fix = "let it be read, or move it elsewhere"
        raise WorkshopError(folder, f"cannot be read ({e.strerror})", "a folder", fix) from e
    if (place := (here.st_dev, here.st_ino)) in above:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from files_below(folder / entry.name, above | {place})
        else:
            yield folder / entry.name


def sizes_digest(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 of names and sizes, in this order; a file that is not there has none.

    A picture that was cropped, mended or taken anew has another size. Times would tell more, and
    tell it wrongly: a copy and a checkout have others for the same pictures. Contents would tell
    all, and cost as much as reading a hundred thousand pictures.
    """
    found = hashlib.sha256()
    for name, file in files:
        found.update(f"{name}\n{size_bytes(file)}\n".encode())
    return found.hexdigest()


def size_bytes(file: Path) -> int | None:
    """None for a file that is not there."""
    try:
        return file.stat().st_size
    except OSError:
        return None
