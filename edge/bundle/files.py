"""Where a bundle's bytes lie: a directory, or one zip of it. Nothing is read without a limit.

A zip is read in place and never unpacked. Names are checked before they touch a disk, and only
names that the manifest gives are ever asked for.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from edge.errors import COPY_AGAIN, PACK_AGAIN, BundleError

MAX_FILE_BYTES = 64 << 20
MAX_BUNDLE_BYTES = 256 << 20
MAX_FILES = 200
MAX_NAME = 200
MAX_ZIP_INDEX_BYTES = 1 << 20

NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")

# What zipfile was seen to raise for damaged files.
ZIP_TROUBLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def check_name(name: str, where: str) -> None:
    """A relative path that stays inside, and means the same on every file system.

    Raises BundleError.
    """
    inside = NAME.fullmatch(name) and not {".", ".."} & set(name.split("/"))
    if not inside or len(name) > MAX_NAME:
        raise BundleError(
            f"{where}: file name is {name[:MAX_NAME]!r}, expected a path inside the bundle, "
            f"of A-Z a-z 0-9 . _ - and /, at most {MAX_NAME} long",
            fix=PACK_AGAIN,
        )


class Store(Protocol):
    """Files by name."""

    def has(self, name: str) -> bool:
        """Is there such a file?"""
        ...

    def size(self, name: str) -> int:
        """In bytes. Raises BundleError when there is no such file."""
        ...

    def read(self, name: str, limit: int) -> bytes:
        """The whole file.

        Raises BundleError when it is missing, unreadable, or over `limit` bytes.
        """
        ...

    def close(self) -> None: ...


class Folder:
    """Files of a directory. Links may lead anywhere inside it."""

    def __init__(self, path: Path) -> None:
        self._shown = path
        self._root = path.resolve()

    def has(self, name: str) -> bool:
        return os.path.lexists(self._root / name)

    def size(self, name: str) -> int:
        with _reading(f"{self._shown}/{name}", OSError):
            return self._inside(name).stat().st_size

    def read(self, name: str, limit: int) -> bytes:
        where = f"{self._shown}/{name}"
        with _reading(where, OSError), self._inside(name).open("rb") as file:
            return _bounded(file, limit, where)

    def _inside(self, name: str) -> Path:
        check_name(name, str(self._shown))
        where = f"{self._shown}/{name}"
        # RuntimeError: links in a circle, before Python 3.13
        with _reading(where, (OSError, RuntimeError)):
            real = (self._root / name).resolve(strict=True)
            is_file = stat.S_ISREG(real.stat().st_mode)
        if not real.is_relative_to(self._root):
            raise BundleError(
                f"{where}: link leads to {real}, expected a place inside the bundle",
                fix="put the file itself there, in place of the link",
            )
        if not is_file:  # opening a pipe would wait for ever
            raise BundleError(f"{where}: is no regular file, expected one", fix=COPY_AGAIN)
        return real

    def close(self) -> None:
        """Nothing is held."""


class Zip:
    """Entries of a zip.

    Raises BundleError for encrypted, repeated, escaping or oddly packed ones.
    """

    def __init__(self, path: Path) -> None:
        self._shown = path
        with _reading(str(path), ZIP_TROUBLE):
            self._file = path.open("rb")
        try:
            with _reading(str(path), ZIP_TROUBLE):
                _check_index(self._file, str(path))
                self._zip = zipfile.ZipFile(self._file)
            self._entries = _entries(self._zip, str(path))
        except BaseException:
            self._file.close()
            raise

    def has(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        check_name(name, str(self._shown))
        if name not in self._entries:
            raise BundleError(f"{self._shown}/{name}: file is missing", fix=COPY_AGAIN)
        return self._entries[name].file_size

    def read(self, name: str, limit: int) -> bytes:
        where = f"{self._shown}/{name}"
        self.size(name)
        with _reading(where, ZIP_TROUBLE), self._zip.open(self._entries[name]) as file:
            return _bounded(file, limit, where)

    def close(self) -> None:
        self._zip.close()
        self._file.close()


def _check_index(file: IO[bytes], where: str) -> None:
    """Look at the end of a zip before zipfile believes it. Raises BundleError.

    An index of 256 MiB would become gigabytes of objects.
    """
    size = file.seek(0, 2)
    if not 22 <= size <= MAX_BUNDLE_BYTES + MAX_ZIP_INDEX_BYTES:
        raise BundleError(
            f"{where}: file is {size} bytes, expected 22 to {MAX_BUNDLE_BYTES}", fix=COPY_AGAIN
        )
    file.seek(max(0, size - 42))
    tail = file.read(42)
    end = struct.unpack("<4s4H2LH", tail[-22:])
    if end[0] != b"PK\5\6" or tail[:4] == b"PK\6\7":
        raise BundleError(
            f"{where}: file does not end like a bundle, expected a zip without zip64 or a comment",
            fix=COPY_AGAIN,
        )
    if end[5] > MAX_ZIP_INDEX_BYTES:
        raise BundleError(
            f"{where}: zip index is {end[5]} bytes, expected at most {MAX_ZIP_INDEX_BYTES}",
            fix=PACK_AGAIN,
        )


def _entries(zipped: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """Files by name; directories are left out. Raises BundleError."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in zipped.infolist():
        check_name(info.orig_filename.removesuffix("/"), where)
        if info.filename in entries:
            raise BundleError(
                f"{where}: {info.filename} is in the zip twice, expected once", fix=PACK_AGAIN
            )
        if info.flag_bits & 1:
            raise BundleError(
                f"{where}: {info.filename} is encrypted, expected plain", fix=PACK_AGAIN
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(
                f"{where}: {info.filename} has zip method {info.compress_type}, expected 0 or 8",
                fix=PACK_AGAIN,
            )
        if not info.is_dir():
            entries[info.filename] = info
    if len(entries) > MAX_FILES + 2:  # and the manifest, and a signature
        raise BundleError(
            f"{where}: zip holds {len(entries)} files, expected at most {MAX_FILES + 2}",
            fix=PACK_AGAIN,
        )
    return entries


def _bounded(file: IO[bytes], limit: int, where: str) -> bytes:
    # whatever the header promised, not more than this is ever unpacked
    data = file.read(limit + 1)
    if len(data) > limit:
        raise BundleError(
            f"{where}: file is longer than {limit} bytes, expected at most that", fix=COPY_AGAIN
        )
    return data


@contextmanager
def _reading(where: str, trouble: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn what reading raises into BundleError. The system's message is kept."""
    try:
        yield
    except trouble as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e) or type(e).__name__
        raise BundleError(f"{where}: cannot be read: {reason}", fix=COPY_AGAIN) from e
