"""Tags by their text embeddings, made on a host: `edge-quantize vocabulary` writes such a file.

A picture's embedding, brought into the space of the texts where the file holds a projection, is
compared with each tag by cosine. Nothing of the bundle changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from edge.bundle.read import Bundle
from edge.errors import BundleError
from edge.heads.rows import Shapes, check_unit, embedding_id, is_name, read_rows, write_rows
from edge.heads.scores import sigmoid, softmax
from edge.records import F32

MAX_TAGS = 20_000
AGAIN = "run edge-quantize vocabulary again with --bundle, and a --projection to that size"
Size = Annotated[int, msgspec.Meta(ge=1, le=8192)]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a vocabulary's file says before its numbers: vectors, then the projection."""

    schema: Literal[1]
    kind: Literal["vocabulary"]
    made_by: Annotated[str, msgspec.Meta(max_length=200)]
    source: Annotated[str, msgspec.Meta(max_length=400)]  # which model or file gave the vectors
    # (tag, group)
    tags: Annotated[
        tuple[tuple[str, str | None], ...], msgspec.Meta(min_length=1, max_length=MAX_TAGS)
    ]
    size: Size  # D, of a picture's embedding
    width: Size  # K, of a text's; D without a projection
    is_projected: bool
    embedding: str | None  # `rows.embedding_id` that the projection was fitted for; None: any
    answers: Literal["softmax", "multilabel"]  # one tag of these, or each on its own
    temperature: Annotated[float, msgspec.Meta(gt=0, le=100)]  # cosine a nat
    offset: Annotated[float, msgspec.Meta(ge=-1, le=1)]  # cosine as likely a tag as not
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Vocabulary(msgspec.Struct, frozen=True, eq=False):
    """Tags as directions."""

    header: Header
    vectors: F32  # (T, K) of length 1
    projection: F32 | None  # (D, K); None: a picture's embedding is compared as it is

    def probabilities(self, embeddings: F32) -> F32:
        """(R, D) of length 1 -> (R, T), or (R, T + 1) with "none of these" for softmax."""
        rows = embeddings if self.projection is None else embeddings @ self.projection
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        z = (rows @ self.vectors.T - self.header.offset) / self.header.temperature
        if self.header.answers == "multilabel":
            return sigmoid(z)
        return softmax(np.hstack([z, np.zeros((len(z), 1), np.float32)]))


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Whole or not at all. Raises SinkError."""
    projection = [] if vocabulary.projection is None else [vocabulary.projection]
    write_rows(path, vocabulary.header, [vocabulary.vectors, *projection])


def read_vocabulary(path: Path, bundle: Bundle) -> Vocabulary:
    """The vocabulary at `path`, which must be for an embedding like that of `bundle`.

    Raises BundleError for a file that is damaged, hostile, or of another size or embedding.
    """
    header, arrays = read_rows(path, Header, lambda h: _shapes(h, bundle, str(path)))
    check_unit(arrays[0], "vectors", str(path))
    return Vocabulary(header, arrays[0], arrays[1] if header.is_projected else None)


def _shapes(header: Header, bundle: Bundle, where: str) -> Shapes:
    size = bundle.manifest.embedding_size
    if header.size != size:
        raise BundleError(
            f"{where}: vocabulary is for embeddings of size {header.size}, "
            f"expected {size} as {bundle.id!r} gives them",
            fix=AGAIN,
        )
    if header.embedding not in (None, embedding_id(bundle.manifest)):
        raise BundleError(
            f"{where}: projection was fitted for another embedding than that of {bundle.id!r}",
            fix="fit it again, and run edge-quantize vocabulary again",
        )
    if not header.is_projected and header.width != size:
        raise BundleError(
            f"{where}: vectors are of size {header.width}, expected {size}", fix=AGAIN
        )
    words = [word for pair in header.tags for word in pair if word is not None]
    if len({tag for tag, _ in header.tags}) != len(header.tags) or not all(map(is_name, words)):
        raise BundleError(
            f"{where}: tags are no names, or not each once",
            fix="mend the file of --tags, and run edge-quantize vocabulary again",
        )
    vectors = (len(header.tags), header.width)
    return [vectors, (size, header.width)] if header.is_projected else [vectors]
