"""What lies in a folder of pictures: its files, and a digest by which other ones are noticed."""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from quantize.errors import WorkshopError

LABELS, TAGS = "labels.jsonl", "tags.json"
SIZES = ", sizes "  # of pictures, in a digest; older recipes have only what stands before


def files_below(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """Every file in `folder` and its folders, in order of their names.

    Links are followed, but for one to a folder around itself, which has no end. A name with a dot
    first is passed over: editors and systems keep their own things so; and so is what is no file,
    as a pipe, which would be read for ever. `above`: the folders around this one, by device and
    inode. Raises WorkshopError for a folder that cannot be read, and a name that is not UTF-8.
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
        _refuse_bytes(folder, entry.name)
        if entry.is_dir():
            yield from files_below(folder / entry.name, above | {place})
        elif entry.is_file() or not (folder / entry.name).exists():  # a broken link is told later
            yield folder / entry.name


def _refuse_bytes(folder: Path, name: str) -> None:
    """A name of another time, as archives of old Windows leave them: no tag, recipe or report could
    say it.
    """
    if name.isascii():
        return
    try:
        name.encode()
    except UnicodeEncodeError as e:
        found = f"the name {os.fsencode(name)!r} is not UTF-8"
        fix = f"rename it; all of them: convmv -f latin1 -t utf8 -r --notest {folder}"
        raise WorkshopError(folder, found, "names in UTF-8", fix) from e


def file_digest(file: Path) -> str:
    """SHA-256 of its bytes."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def folder_digest(folder: Path) -> str:
    """Of the labels, where there are some; of tags.json; of names and sizes of the pictures."""
    said = [file_digest(folder / name) for name in (LABELS, TAGS) if (folder / name).is_file()]
    if not (folder / LABELS).is_file():
        files = ((str(file.relative_to(folder)), file) for file in files_below(folder))
        return _joined([*said, sizes_digest(files)])
    listed = _listed(folder / LABELS)
    sizes = sizes_digest((name, folder / name) for name in listed)
    return f"{_joined(said)}{SIZES}{sizes}" if listed else _joined(said)


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


def lines_of(file: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of JSON, numbered from 1, without the blank ones and without the byte order mark that
    some editors and shells of Windows write.
    """
    lines = file.read_bytes().removeprefix(BOM_UTF8).splitlines()
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


class _Listed(msgspec.Struct):
    file: str


def _listed(labels: Path) -> list[str]:
    """Each file of a labels.jsonl once; what is wrong in it is told by who reads it."""
    found: dict[str, None] = {}
    for _, line in lines_of(labels):
        with suppress(msgspec.DecodeError, ValueError):
            found[msgspec.json.decode(line, type=_Listed).file] = None
    return list(found)


def _joined(digests: Sequence[str]) -> str:
    whole = " ".join(digests).encode()
    return digests[0] if len(digests) == 1 else hashlib.sha256(whole).hexdigest()
