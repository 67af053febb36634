"""Label rows out of any file that has them: ours, tag -> vector, or a matrix as published.

FILE.safetensors  as `labels.write_labels` writes it: tags, rows a tag, provenance
FILE.safetensors, FILE.npz  a vector a tag, called by the tag; or one matrix
FILE.pth, FILE.pt  one tensor: (4585, 512) for RAM, (233835, 512) for RAM++, 51 rows a tag

A matrix has no names: they come from a tag list, and its rows are shared out evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from quantize.checkpoints.reading import read_torch
from quantize.errors import WorkshopError
from quantize.ram.configs import ROWS_A_TAG, Kind
from quantize.ram.labels import LabelRows, read_labels, refuse_bad_rows
from quantize.ram.vocabulary import numbered
from quantize.texts import read_arrays

TORCH = (".pth", ".pt")
FORM = "label rows: ours, a vector a tag, or one matrix (R, D)"


def read_rows(file: Path, tags: Sequence[str] | None = None, kind: Kind = "ram") -> LabelRows:
    """tags: the names of a matrix's rows; None: numbers, of RAM++ one for 51 rows.

    Raises WorkshopError when the file holds no rows, or they cannot be shared out to the tags.
    """
    if not file.is_file():
        raise WorkshopError(file, "no such file", FORM, "--label-rows FILE")
    if _is_ours(file):
        _refuse_names(file, tags)
        return read_labels(file)
    if file.suffix in TORCH:
        return _of_matrix(file, _tensor(file), tags, kind)
    vectors = {key: torch.from_numpy(rows) for key, rows in read_arrays(file).items()}
    first = next(iter(vectors.values()))
    if len(vectors) == 1 and first.ndim == 2:
        return _of_matrix(file, first, tags, kind)
    _refuse_names(file, tags)
    shapes = {tuple(rows.shape) for rows in vectors.values()}
    if len(shapes) != 1 or first.ndim != 1:
        raise WorkshopError(file, f"arrays of {sorted(shapes)[:4]}", FORM, "one size for all")
    return _checked(file, tuple(vectors), 1, torch.stack(list(vectors.values())))


def _is_ours(file: Path) -> bool:
    if file.suffix != ".safetensors":
        return False
    try:
        with safe_open(file, "pt") as stored:
            return "labels" in (stored.metadata() or {})
    except (SafetensorError, OSError):
        return False  # whoever reads it says so


def _tensor(file: Path) -> Tensor:
    found: Any = read_torch(file, FORM)
    if isinstance(found, Mapping) and len(found) == 1:
        [found] = found.values()
    if not isinstance(found, Tensor):
        raise WorkshopError(file, f"a {type(found).__name__}", FORM, "save the tensor alone")
    return found.detach()


def _of_matrix(file: Path, rows: Tensor, tags: Sequence[str] | None, kind: Kind) -> LabelRows:
    if rows.ndim != 2 or not rows.is_floating_point() or not len(rows):
        raise WorkshopError(
            file, f"{rows.dtype} of shape {tuple(rows.shape)}", FORM, "another file"
        )
    if tags is None:
        is_plus = kind == "ram++" and len(rows) % ROWS_A_TAG == 0
        tags = numbered(len(rows) // ROWS_A_TAG if is_plus else len(rows))
    if len(rows) % len(tags):
        raise WorkshopError(
            file, f"{len(rows)} rows", f"a multiple of {len(tags)} tags", "--tag-list FILE of these"
        )
    return _checked(file, tuple(tags), len(rows) // len(tags), rows)


def _checked(file: Path, tags: tuple[str, ...], each: int, rows: Tensor) -> LabelRows:
    labels = LabelRows(tags, (each,) * len(tags), rows.float(), {"file": file.name})
    refuse_bad_rows(file, labels)
    return labels


def _refuse_names(file: Path, tags: Sequence[str] | None) -> None:
    if tags is not None:
        raise WorkshopError(
            file, "has its own tags", "no --tag-list beside it", "leave --tag-list out"
        )
