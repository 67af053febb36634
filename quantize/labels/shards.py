"""A shard: the soft targets of some pictures, in one safetensors file or two.

soft-00000.safetensors       picture's key -> (T,) float32 logits; float16 in older folders
embedding-00000.safetensors  picture's key -> (D,) float16, where the teacher has an embedding

The metadata of the former says which pictures are left out, and how large the others' files are:
another picture of the same name is no longer taken for it. It is written last: a shard that has
it, and the embedding it speaks of, is whole. The same pictures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from edge.records import F32
from quantize.disk import write
from quantize.errors import WorkshopError
from quantize.labels.manifest import LeftOut, Stored

ABOUT = "shard"  # one key: safetensors writes several in any order
HALF = float(np.finfo(np.float16).max)


class Shard(msgspec.Struct, frozen=True, eq=False):
    """What a teacher said of some pictures."""

    soft: Mapping[str, F32]  # key -> (T,) logits
    embedding: Mapping[str, F32]  # key -> (D,); empty: the teacher has none
    left_out: Sequence[LeftOut]
    sizes: Mapping[str, int] = {}  # key -> bytes of the picture's file


class ShardHeader(msgspec.Struct, frozen=True):
    """The metadata of soft-*.safetensors."""

    left_out: list[LeftOut]
    has_embedding: bool
    sizes: dict[str, int] = {}  # empty in older folders


def file_of(folder: Path, number: int, what: str = "soft") -> Path:
    return folder / f"{what}-{number:05d}.safetensors"


def write_shard(shard: Shard, folder: Path, number: int) -> None:
    """Raises DiskError when the disk is full."""
    if shard.embedding:
        write(file_of(folder, number, "embedding"), save(_half(shard.embedding)))
    about = ShardHeader(
        list(shard.left_out), bool(shard.embedding), dict(sorted(shard.sizes.items()))
    )
    said = msgspec.json.encode(about).decode()
    write(file_of(folder, number), save(_single(shard.soft), {ABOUT: said}))


def is_whole(folder: Path, number: int, keys: Sequence[str]) -> bool:
    """Whether this shard is there, and is about these pictures. Its header is read, no more."""
    try:
        there, about = _header(file_of(folder, number))
        if about.has_embedding:
            _header(file_of(folder, number, "embedding"))
    except (OSError, SafetensorError, msgspec.DecodeError):
        return False
    return there | {row.file for row in about.left_out} == set(keys)


def read_left_out(folder: Path, number: int) -> list[LeftOut]:
    """Of a shard that is whole."""
    return _header(file_of(folder, number))[1].left_out


def read_sizes(folder: Path, number: int) -> dict[str, int]:
    """key -> bytes of the picture's file. Raises WorkshopError when the shard is damaged."""
    with _reading(file_of(folder, number)):
        return _header(file_of(folder, number))[1].sizes


def read_stored(folder: Path, number: int) -> Stored:
    """As what the logits of a shard that is whole are stored."""
    with safe_open(file_of(folder, number), "np") as stored:
        kinds = {stored.get_slice(key).get_dtype() for key in stored.keys()}  # noqa: SIM118
    return "float16" if "F16" in kinds else "float32"


def read_soft(folder: Path, number: int) -> dict[str, F32]:
    """key -> (T,) float32. Raises WorkshopError when the file is damaged."""
    return _read(file_of(folder, number))


def read_embedding(folder: Path, number: int) -> dict[str, F32]:
    """key -> (D,) float32. Raises WorkshopError when the file is damaged."""
    return _read(file_of(folder, number, "embedding"))


def _read(file: Path) -> dict[str, F32]:
    with _reading(file):
        return {key: value.astype(np.float32) for key, value in load_file(file).items()}


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as e:
        raise WorkshopError(file, "no such file", "a shard, as manifest.json says", RELABEL) from e
    except (OSError, SafetensorError, msgspec.DecodeError) as e:
        raise WorkshopError(file, f"damaged ({e})", "safetensors", f"delete it; {RELABEL}") from e


RELABEL = "run edge-quantize label with the same flags: it makes what is missing"


def _header(file: Path) -> tuple[set[str], ShardHeader]:
    """Keys and metadata; the tensors stay on disk."""
    with safe_open(file, "np") as stored:
        about = (stored.metadata() or {}).get(ABOUT, '{"left_out": [], "has_embedding": false}')
        return set(stored.keys()), msgspec.json.decode(about, type=ShardHeader)


def _single(rows: Mapping[str, F32]) -> dict[str, np.ndarray]:
    return {key: np.ascontiguousarray(row, np.float32) for key, row in rows.items()}


def _half(rows: Mapping[str, F32]) -> dict[str, np.ndarray]:
    return {key: np.clip(row, -HALF, HALF).astype(np.float16) for key, row in rows.items()}
