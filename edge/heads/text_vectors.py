"""Texts as vectors, made on a host: a small file that a device compares its pictures with.

    EDGETEXT            8 bytes
    header size         4 bytes, little endian
    header              JSON, see TextHeader
    vectors             (N, D) float32, little endian, row by row, each of length 1

Which of many texts is nearest is asked here, at full precision; tags by their texts, a head of the
tagger, are `heads.vocabulary`.

The header says which vocabulary and which checkpoint the vectors were made with, and the SHA-256
of the vectors: a file that was changed, cut or lengthened is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from edge.errors import BundleError
from edge.records import F32
from edge.strict import NOT_JSON, decoded

MAGIC = b"EDGETEXT"
SCHEMA = 1  # grows when a file written today could not be read yesterday
MOST_HEADER = 64 << 20  # bytes
MOST_VECTORS = 1 << 30  # bytes
OFF = 1e-3  # that a row's length may be off 1


class TextHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the vectors are."""

    schema: int
    texts: tuple[str, ...]  # as they were given
    ids: tuple[str, ...]  # of what each text stands for: a product, a tag; "" where nobody said
    size: int  # D
    vectors_sha256: str
    vocabulary_sha256: str  # tokens, symbols included
    checkpoint_sha256: str  # of the file that the text tower came from


class TextVectors(msgspec.Struct, frozen=True, eq=False):
    """N texts."""

    header: TextHeader
    rows: F32  # (N, D), rows of length 1

    def nearest(self, embedding: F32, count: int = 1) -> list[tuple[str, float]]:
        """The `count` texts most like a picture (D,) of length 1, best first, with the cosine."""
        cosines = self.rows @ np.asarray(embedding, np.float32)
        order = np.argsort(-cosines, kind="stable")[:count]
        return [(self.header.texts[i], float(cosines[i])) for i in order]


def header_of(
    rows: F32, texts: Sequence[str], ids: Sequence[str], vocabulary: str, checkpoint: str
) -> TextHeader:
    """`vocabulary`, `checkpoint`: their SHA-256."""
    digest = hashlib.sha256(_bytes(rows)).hexdigest()
    return TextHeader(
        SCHEMA, tuple(texts), tuple(ids), rows.shape[1], digest, vocabulary, checkpoint
    )


def write_text_vectors(vectors: TextVectors, file: Path) -> None:
    """Whole, or not at all; the same vectors give the same bytes."""
    header = msgspec.json.encode(vectors.header)
    data = MAGIC + len(header).to_bytes(4, "little") + header + _bytes(vectors.rows)
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(file)


def read_text_vectors(file: Path) -> TextVectors:
    """Raises BundleError for a file that is none, of another schema, or was changed."""
    try:
        with file.open("rb") as stream:
            about = _header(file, stream)
            wanted = len(about.texts) * about.size * 4
            data = stream.read(wanted + 1)
    except OSError as e:
        raise BundleError(f"{file}: {e.strerror}", fix="give the file with the texts") from e
    return TextVectors(about, _rows(file, about, data, wanted))


def _header(file: Path, stream: BinaryIO) -> TextHeader:
    first = stream.read(len(MAGIC) + 4)
    size = int.from_bytes(first[len(MAGIC) :], "little")
    if first[: len(MAGIC)] != MAGIC or size > MOST_HEADER:
        raise _refused(file, "no text vectors")
    try:
        about = decoded(stream.read(size), TextHeader)
    except NOT_JSON as e:
        raise _refused(file, f"its header does not parse ({e})") from e
    if about.schema != SCHEMA:
        raise _refused(file, f"schema {about.schema}")
    count = len(about.texts)
    if not count or len(about.ids) != count or about.size < 1:
        raise _refused(file, f"{count} texts, {len(about.ids)} ids, {about.size} numbers each")
    if count * about.size * 4 > MOST_VECTORS:
        raise _refused(file, f"{count} x {about.size} numbers")
    return about


def _rows(file: Path, about: TextHeader, data: bytes, wanted: int) -> F32:
    if len(data) != wanted:
        raise _refused(file, f"{'more' if len(data) > wanted else len(data)} bytes of vectors")
    if hashlib.sha256(data).hexdigest() != about.vectors_sha256:
        raise _refused(file, "the vectors are not those that were written")
    rows = np.frombuffer(data, "<f4").reshape(-1, about.size).astype(np.float32)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=1)
    if not (np.abs(lengths - 1) <= OFF).all():
        raise _refused(file, "vectors that are not of length 1")
    return rows


def _bytes(rows: F32) -> bytes:
    return np.ascontiguousarray(rows, "<f4").tobytes()


def _refused(file: Path, found: str) -> BundleError:
    return BundleError(
        f"{file}: {found}, expected text vectors of schema {SCHEMA}",
        fix="write them again: edge-quantize fashion",
    )
