"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path

from edge.errors import SinkError
from edge.homes import PLACES, own_folder


def write_whole(path: Path, content: bytes, *, is_synced: bool = False) -> None:
    """`content` at `path`: written beside it, then renamed over it.

    is_synced  on the disk, not only on its way, when this returns: a power cut loses nothing
    Raises SinkError; what stood at `path` stands there still, or `content` does.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with cleared(part).open("xb") as file:
            file.write(content)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if is_synced:
            sync(path.parent)  # holds the name
    except OSError as e:
        with suppress(OSError):
            part.unlink()
        raise SinkError(f"{path}: {e.strerror}", fix="make room, or name another folder") from e


def cleared(path: Path) -> Path:
    """`path`, where nothing is now: open it with "x". Through a link that somebody left in a folder
    that is not ours alone we would write over another file of ours, in a pipe we would wait for
    ever; and a run that was killed left what it had in hand.
    """
    path.unlink(missing_ok=True)
    return path


def sync(path: Path) -> None:
    """Return once it is on the disk. Else a rename may get there before the bytes it reveals."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a directory
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """`folder`, with those it lies in. Raises SinkError."""
    try:
        if not folder.is_dir():
            _make_own(folder)
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise SinkError(f"{folder}: {e.strerror}", fix="name another folder") from e


def _make_own(folder: Path) -> None:
    """The folder of ours that it lies in: pictures of a shop are not for every user of a machine.
    Those that a user names are made as any program would.
    """
    for own in map(own_folder, PLACES):
        if own in (folder, *folder.parents):
            own.mkdir(0o700, parents=True, exist_ok=True)


def check_folder(folder: Path) -> None:
    """May files be made in it? Asked of the disk, by making one. Raises SinkError.

    A full disk is no answer: there may be room when it is wanted.
    """
    probe = folder / f".edge-tag.{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as e:
        if e.errno != ENOSPC:
            raise SinkError(f"{folder}: {e.strerror}", fix="name another folder") from e
