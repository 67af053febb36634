"""Attributes of garments: a small matrix on the embedding, in one file of the bundle.

`edge-quantize attributes` makes it; the network stays as it is, and numpy is all it takes. The file
is one of rows of numbers: see `edge.heads.rows`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np

from edge.bundle.manifest import StoredFile
from edge.bundle.read import Bundle
from edge.errors import BundleError
from edge.heads.rows import Shapes, is_name, parse_rows
from edge.heads.scores import sigmoid
from edge.records import F32

FILE = "attributes.rows"  # in the bundle, and in the folder that the workshop writes
MAX_TAGS = 1_000

Word = Annotated[str, msgspec.Meta(max_length=200)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Many = msgspec.Meta(min_length=1, max_length=MAX_TAGS)

LEARN = "run edge-quantize attributes again with this bundle's student, and pack it again"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says before its numbers, (T, D) weights."""

    schema: Literal[1]
    kind: Literal["attributes"]
    made_by: Word
    student: Word  # SHA-256, hex, of the float weights whose embedding it was fitted to
    size: Annotated[int, msgspec.Meta(ge=1, le=8192)]  # D
    tags: Annotated[tuple[tuple[str, str], ...], Many]  # (tag, group): of a group one is told
    bias: Annotated[tuple[float, ...], Many]
    thresholds: Annotated[tuple[Share, ...], Many]


class Attributes(msgspec.Struct, frozen=True, eq=False):
    """Logistic regression, a row a tag."""

    header: Header
    weights: F32  # (T, D)
    bias: F32  # (T,)

    def scores(self, embeddings: F32) -> F32:
        """(R, D) of length 1 -> (R, T) probabilities."""
        return sigmoid(embeddings @ self.weights.T + self.bias)


def read_attributes(bundle: Bundle, stored: StoredFile) -> Attributes:
    """Raises BundleError for a file that is damaged, hostile, or of another size of embedding."""
    where = f"{bundle.root}/{stored.file}"
    header, [weights] = parse_attributes(bundle.read(stored), where)
    if header.size != bundle.manifest.embedding_size:
        raise BundleError(
            f"{where}: attributes are for embeddings of size {header.size}, "
            f"expected {bundle.manifest.embedding_size} as {bundle.id!r} gives them",
            fix=LEARN,
        )
    return Attributes(header, weights, np.asarray(header.bias, np.float32))


def parse_attributes(data: bytes, where: str) -> tuple[Header, list[F32]]:
    """The same of bytes alone."""
    return parse_rows(data, Header, lambda header: _shapes(header, where), where)


def _shapes(header: Header, where: str) -> Shapes:
    count = len(header.tags)
    if not count == len(header.bias) == len(header.thresholds):
        raise BundleError(
            f"{where}: {count} tags with {len(header.bias)} biases and {len(header.thresholds)} "
            "thresholds, expected as many of each",
            fix=LEARN,
        )
    names = [tag for tag, _ in header.tags]
    if len({*names}) != count or not all(is_name(word) for pair in header.tags for word in pair):
        raise BundleError(f"{where}: tags are no names, or not each once", fix=LEARN)
    return [(count, header.size)]
