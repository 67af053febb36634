"""Weights as other projects publish them: tensors by key, in safetensors or a plain .pth."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from quantize.errors import WorkshopError, reason

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")  # where some keep the weights
FORM = "tensors by key, in safetensors or a plain .pth"


def read_state(file: Path, flag: str = "--start") -> dict[str, Tensor]:
    """Key -> tensor; `flag` names the file. Raises WorkshopError; runs no code from the file."""
    try:
        found = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
    except FileNotFoundError as e:
        raise WorkshopError(file, "no such file", FORM, f"{flag} FILE") from e
    except pickle.UnpicklingError as e:
        raise WorkshopError(
            file, "more than tensors, or no weights", FORM, "save its state_dict() alone"
        ) from e
    except Exception as e:  # a damaged pickle raises what its opcodes stumble on: anything
        raise WorkshopError(file, f"unreadable ({reason(e)})", FORM, "fetch it again") from e
    return _tensors(found, file)


def is_student(file: Path) -> bool:
    """Was it written by `students.save`? False for everything else, readable or not."""
    try:
        with safe_open(file, "pt") as stored:
            return "heads" in (stored.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _tensors(found: object, file: Path) -> dict[str, Tensor]:
    for key in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise WorkshopError(file, type(found).__name__, FORM, "save its state_dict() alone")
    return {str(key): value for key, value in found.items()}
