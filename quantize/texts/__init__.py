"""Text embeddings of tags: from a file, or from a text tower whose weights lie on this disk."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from quantize.errors import WorkshopError

KINDS = "a .safetensors or .npz file of tag -> vector, or of one matrix beside a list of tags"
MAX_BYTES = 2 << 30

F32 = NDArray[np.float32]


class Texts(msgspec.Struct, frozen=True, eq=False):
    """Tags, their groups, and a row of length 1 for each."""

    tags: tuple[tuple[str, str | None], ...]
    vectors: F32  # (T, K)
    source: str  # which file or model


def read_tags(path: Path) -> tuple[tuple[str, str | None], ...]:
    """`tag` or `tag<TAB>group` a line, in order. Raises WorkshopError."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise WorkshopError(path, f"cannot be read ({e})", "a tag a line, UTF-8", "") from e
    pairs = [line.strip().partition("\t") for line in lines if line.strip()]
    if not pairs:
        raise WorkshopError(path, "holds no tag", "a tag a line", "write one tag a line")
    return tuple((tag.strip(), group.strip() or None) for tag, _, group in pairs)


def read_texts(path: Path, tags: tuple[tuple[str, str | None], ...] | None) -> Texts:
    """The vectors of `tags`, or of every tag in the file. Raises WorkshopError."""
    arrays = read_arrays(path)
    [first] = list(arrays.values())[:1]
    if len(arrays) == 1 and first.ndim == 2:
        return _of_matrix(path, first, tags)
    chosen = tags or tuple((name, None) for name in arrays)
    missing = [tag for tag, _ in chosen if tag not in arrays]
    if missing:
        raise WorkshopError(
            path, f"no vector for {', '.join(map(repr, missing[:5]))}", "one for each tag",
            "embed them too, or leave them out of --tags",
        )  # fmt: skip
    shapes = {arrays[tag].shape for tag, _ in chosen}
    if len(shapes) != 1 or len(min(shapes)) != 1:
        raise WorkshopError(path, f"vectors of shapes {sorted(shapes)[:4]}", "one size for all", "")
    return Texts(chosen, unit(np.stack([arrays[tag] for tag, _ in chosen]), path), path.name)


def read_matrix(path: Path) -> F32:
    """The one matrix of a file. Raises WorkshopError."""
    arrays = list(read_arrays(path).values())
    if len(arrays) != 1 or arrays[0].ndim != 2:
        shapes = [a.shape for a in arrays][:4]
        raise WorkshopError(path, f"arrays {shapes}", "one matrix (D, K)", "save it alone")
    return arrays[0]


def read_arrays(path: Path) -> dict[str, F32]:
    """Name -> numbers, of a .safetensors or .npz file; no pickles. Raises WorkshopError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WorkshopError(path, "more than 2 GiB", "text vectors", "keep fewer tags")
        if path.suffix == ".safetensors":
            found = load_file(path)
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as opened:
                found = {name: opened[name] for name in opened.files}
        else:
            raise WorkshopError(path, f"suffix {path.suffix!r}", KINDS, "convert it first")
        arrays = {name: np.asarray(array, np.float32) for name, array in found.items()}
    except (OSError, ValueError, TypeError, EOFError, SafetensorError) as e:
        raise WorkshopError(path, f"cannot be read ({e})", KINDS, "write it again") from e
    if not arrays or not all(np.isfinite(a).all() and a.size for a in arrays.values()):
        raise WorkshopError(path, "no numbers, or NaN among them", KINDS, "write it again")
    return arrays


def unit(rows: F32, where: object) -> F32:
    """Rows of length 1. Raises WorkshopError for a row of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > 1e-6).all():
        raise WorkshopError(
            where, "a vector of zeros", "a direction for each tag", "embed it again"
        )
    return np.asarray(rows / lengths, np.float32)


def _of_matrix(path: Path, rows: F32, tags: tuple[tuple[str, str | None], ...] | None) -> Texts:
    if tags is None or len(tags) != len(rows):
        known = "no --tags" if tags is None else f"{len(tags)} tags"
        raise WorkshopError(
            path, f"a matrix of {len(rows)} rows and {known}", "a tag for each row",
            "--tags FILE, a tag a line in the order of the rows",
        )  # fmt: skip
    return Texts(tags, unit(rows, path), path.name)
