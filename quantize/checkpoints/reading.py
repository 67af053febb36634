"""Tensors of a published file by key, read without running any code in it.

The file is mapped, not read: tensors that nobody keeps (optimiser, captioner) are never touched,
and those kept need no second copy. It must stay as it is while its network is in use.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint

from quantize.errors import WorkshopError

State = dict[str, Tensor]

NAMED = re.compile(r"GLOBAL (\w\S*)")  # in what torch says of a pickle that is no archive


def read_state(file: Path, form: str) -> tuple[State, dict[str, str]]:
    """Tensors by key, and what stood beside them: key -> reason it is dropped.

    Raises WorkshopError that says `form` is expected.
    """
    if not file.is_file():
        raise WorkshopError(file, "no such file", "a checkpoint", "give --checkpoint a file")
    if file.suffix == ".safetensors":
        return _read_safetensors(file, form), {}
    table = read_torch(file, form)
    if not isinstance(table, Mapping):
        raise _not_weights(file, f"a {type(table).__name__}", form)
    weights = table.get("model", table)
    if not isinstance(weights, Mapping) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise _not_weights(file, f"keys {', '.join(map(str, list(table)[:6]))}", form)
    beside = {str(k): "not weights" for k in table if "model" in table and k != "model"}
    return {str(k): v for k, v in weights.items()}, beside


def _read_safetensors(file: Path, form: str) -> State:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as e:
        raise _not_weights(file, f"no safetensors file ({e})", form) from e


def read_torch(file: Path, form: str) -> Any:
    """What a .pth file holds. Raises WorkshopError when it is damaged or would run code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's, on pickles it is about to refuse
            return _mapped(file)
    except Exception as e:  # a damaged pickle raises what its opcodes stumble on: anything
        if code := _code_in(file) or NAMED.findall(str(e)):
            raise WorkshopError(
                file,
                f"it would run {', '.join(code[:4])}",
                "tensors alone; nothing of it was run",
                "have whoever made it save the weights as safetensors",
            ) from e
        raise _not_weights(file, f"it does not parse ({repr(e)[:120]})", form) from e


def _mapped(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # files older than torch 1.6 are no archives and cannot be mapped
        return torch.load(file, map_location="cpu", weights_only=True)


def _code_in(file: Path) -> list[str]:
    try:
        return sorted(get_unsafe_globals_in_checkpoint(str(file)))
    except Exception:  # whatever is wrong with the file, it was refused already
        return []


def _not_weights(file: Path, found: str, form: str) -> WorkshopError:
    return WorkshopError(
        file,
        found,
        f"{form}: tensors by key, or a dict that has them as `model`",
        "give the published .pth file, or its weights as safetensors",
    )
