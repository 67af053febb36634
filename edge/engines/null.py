"""The engine without a library: outputs are weighted means of the pixels. For tests and timing.

An artifact is JSON:
{"height": 8, "width": 8, "outputs": {"name": {"weights": [[r, g, b], ...], "bias": [...]}}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np

from edge.engines import checked, one_file
from edge.errors import PACK_AGAIN, BundleError, ProviderUnavailable
from edge.records import F32, U8, TensorSpec
from edge.strict import read_json

Side = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """logits = weights @ mean + bias, mean being RGB in 0..1."""

    weights: tuple[tuple[float, float, float], ...]
    bias: tuple[float, ...]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the artifact holds."""

    height: Side
    width: Side
    outputs: dict[str, Layer]


class NullEngine:
    """Means of pixels, times weights, plus bias."""

    name = "null"
    provider = "CPU"

    def __init__(self, model: Model) -> None:
        self.input = TensorSpec("pixels", (-1, model.height, model.width, 3), "uint8")
        self.outputs = tuple(
            TensorSpec(name, (-1, len(layer.bias)), "float32")
            for name, layer in model.outputs.items()
        )
        self._layers = {
            name: (
                np.array(layer.weights, np.float64).reshape(-1, 3),
                np.array(layer.bias, np.float64),
            )
            for name, layer in model.outputs.items()
        }

    def run(self, batch: U8) -> dict[str, F32]:
        pixels = checked(batch, self.input)
        mean = pixels.mean(axis=(1, 2), dtype=np.float64) / 255  # (N, 3)
        return {name: (mean @ w.T + b).astype(np.float32) for name, (w, b) in self._layers.items()}

    def close(self) -> None:
        """Nothing is held."""


def load(files: Sequence[bytes], provider: str, threads: int) -> NullEngine:
    """`threads` changes nothing. Raises ProviderUnavailable and BundleError."""
    if provider != "CPU":
        raise ProviderUnavailable(
            f"null has no provider {provider}, expected CPU", fix="use provider CPU"
        )
    model = read_json(one_file(files, "null"), Model, "null artifact")
    for name, layer in model.outputs.items():
        if not 0 < len(layer.bias) == len(layer.weights):
            raise BundleError(
                f"null: output {name!r} has {len(layer.weights)} rows of weights and "
                f"{len(layer.bias)} of bias, expected as many, and at least 1",
                fix=PACK_AGAIN,
            )
    return NullEngine(model)
