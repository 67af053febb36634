"""Files of rows of numbers with names: galleries and vocabularies. Whole, hashed, bounded.

    8 bytes   "EDGEROWS"
    32 bytes  SHA-256 of all that follows
    4 bytes   length of the header, little-endian
    header    JSON; what it says gives the shape of every array
    arrays    float16, little-endian, one after the other, to the end of the file

No length in it is believed before it is checked, nothing is unpacked, and nothing in it is code.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from edge import bounded
from edge.bundle.manifest import Manifest
from edge.errors import BundleError
from edge.records import F32
from edge.store import write_whole
from edge.strict import read_json

T = TypeVar("T", bound=msgspec.Struct)

MAGIC = b"EDGEROWS"
START = len(MAGIC) + 32 + 4
MAX_FILE_BYTES = 64 << 20
MAX_HEADER_BYTES = 8 << 20
MAX_NAME = 100  # characters of a tag or a group
COPY = "copy the file again, or move it away and make it anew"
MAKE = "make one: edge-tag enroll, edge-quantize vocabulary or edge-quantize attributes"
ANEW = f"move it away, and {MAKE}"  # nothing is added to one that cannot be read

Shapes = Sequence[tuple[int, ...]]


def write_rows(path: Path, header: msgspec.Struct, arrays: Sequence[F32]) -> None:
    """The file at `path`: whole, on the disk when this returns, or not at all. Raises SinkError.

    Numbers are rounded to float16: see `rounded`.
    """
    write_whole(path, rows_bytes(header, arrays), is_synced=True)


def rows_bytes(header: msgspec.Struct, arrays: Sequence[F32]) -> bytes:
    """The file as bytes; the same for the same input."""
    said = msgspec.json.encode(header)
    body = b"".join(array.astype("<f2").tobytes() for array in arrays)
    rest = struct.pack("<I", len(said)) + said + body
    return MAGIC + hashlib.sha256(rest).digest() + rest


def read_rows(path: Path, kind: type[T], shapes: Callable[[T], Shapes]) -> tuple[T, list[F32]]:
    """Header and arrays of the file at `path`. Raises BundleError for anything that is not right.

    shapes  what the header says of the arrays; may raise BundleError itself
    """
    return parse_rows(_read(path), kind, shapes, str(path))


def parse_rows(
    data: bytes, kind: type[T], shapes: Callable[[T], Shapes], where: str
) -> tuple[T, list[F32]]:
    """The same of bytes. `where` opens every error."""
    if data[: len(MAGIC)] != MAGIC or len(data) < START:
        raise BundleError(
            f"{where}: file does not begin like a gallery, a vocabulary or attributes",
            fix=ANEW,
        )
    rest = data[len(MAGIC) + 32 :]
    if hashlib.sha256(rest).digest() != data[len(MAGIC) : len(MAGIC) + 32]:
        raise BundleError(
            f"{where}: SHA-256 is not the one at its beginning, expected a whole file", fix=COPY
        )
    [length] = struct.unpack("<I", rest[:4])
    if length > min(MAX_HEADER_BYTES, len(rest) - 4):
        raise BundleError(
            f"{where}: header is {length} bytes, expected at most {len(rest) - 4}", fix=COPY
        )
    header = read_json(rest[4 : 4 + length], kind, where, ANEW)
    return header, _arrays(rest[4 + length :], shapes(header), where)


def _arrays(body: bytes, shapes: Shapes, where: str) -> list[F32]:
    sizes = [int(np.prod(shape, dtype=object)) for shape in shapes]  # no overflow
    wanted = 2 * sum(sizes)
    if wanted != len(body):
        raise BundleError(
            f"{where}: numbers take {len(body)} bytes, expected {wanted} as its header says",
            fix=COPY,
        )
    numbers = np.frombuffer(body, "<f2").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise BundleError(f"{where}: holds NaN or infinity, expected numbers", fix=ANEW)
    ends = np.cumsum([0, *sizes])
    return [numbers[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes)]


def rounded(rows: F32) -> F32:
    """As a file keeps them: what is written and read again is the same."""
    return rows.astype(np.float16).astype(np.float32)


def check_unit(rows: F32, what: str, where: str) -> None:
    """Raises BundleError unless each row is of length 1."""
    lengths = np.linalg.norm(rows, axis=-1)
    if lengths.size and not (abs(lengths - 1) < 0.01).all():
        off = float(lengths[np.argmax(abs(lengths - 1))])
        raise BundleError(
            f"{where}: one of the {what} is of length {off:.3f}, expected 1", fix=ANEW
        )


def is_name(text: str) -> bool:
    """Would it be a tag: some characters, none of them a control character, no space around?"""
    return (
        0 < len(text) <= MAX_NAME
        and text == text.strip("\ufeff \u00a0")
        and not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
    )


def embedding_id(manifest: Manifest) -> str:
    """SHA-256, hex, of the artifacts that give the embedding: the same for every engine of a
    bundle, another one when the network was trained or quantised again.
    """
    lines = [
        f"{a.engine} {a.precision} {' '.join(file.sha256 for file in a.files)}\n"
        for a in manifest.artifacts
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _read(path: Path) -> bytes:
    kinds = "a gallery or a vocabulary"
    with suppress(PermissionError):  # reading it says so
        if not path.is_file():  # opening a pipe would wait for ever
            raise BundleError(f"{path}: file is missing, expected {kinds}", fix=MAKE)
    return bounded.read(path, MAX_FILE_BYTES, BundleError, kinds, MAKE)
