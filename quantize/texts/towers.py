"""Text towers, where their package is installed and their weights lie on this disk.

Nothing is downloaded. A prompt is a sentence with {} for the tag; the vectors of several prompts
are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from quantize.errors import WorkshopError
from quantize.texts import F32, unit

BATCH = 64


def open_clip_vectors(
    name: str, weights: Path, words: Sequence[str], prompts: Sequence[str]
) -> F32:
    """(T, K) by an open_clip model. Raises WorkshopError."""
    if not weights.is_file():
        raise WorkshopError(weights, "not there", "weights on this disk", "--weights FILE")
    package = _package("open_clip", "open_clip_torch")
    model, *_ = package.create_model_and_transforms(name, pretrained=str(weights))
    model.eval()  # it comes as it is trained
    tokens = package.get_tokenizer(name)
    return _averaged(words, prompts, lambda lines: model.encode_text(tokens(lines)))


def transformers_vectors(folder: Path, words: Sequence[str], prompts: Sequence[str]) -> F32:
    """(T, K) by a CLIP-like model saved in `folder`. Raises WorkshopError."""
    if not (folder / "config.json").is_file():
        raise WorkshopError(folder, "no config.json", "a saved model", "--transformers FOLDER")
    package = _package("transformers", "transformers")
    model = package.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenize = package.AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def encode(lines: list[str]) -> Any:
        found = model.get_text_features(**tokenize(lines, padding=True, return_tensors="pt"))
        return getattr(found, "pooler_output", found)  # transformers 5 gives a record

    return _averaged(words, prompts, encode)


def _averaged(words: Sequence[str], prompts: Sequence[str], encode: Any) -> F32:
    total = None
    for prompt in prompts:
        lines = [prompt.replace("{}", word) for word in words]
        parts = [lines[n : n + BATCH] for n in range(0, len(lines), BATCH)]
        with torch.inference_mode():
            rows = torch.cat([encode(part).float() for part in parts]).numpy()
        total = unit(rows, prompt) if total is None else total + unit(rows, prompt)
    assert total is not None
    return unit(np.asarray(total, np.float32), "the mean of the prompts")


def _package(name: str, pip: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as e:
        raise WorkshopError(
            name, "not installed", "the package of the text tower",
            f"pip install {pip}, or give vectors made elsewhere: --texts FILE",
        ) from e  # fmt: skip
