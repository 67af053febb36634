"""Text tower and fusion tower as ONNX, any batch and any length of text: for a host without torch.

A device needs neither, its texts being encoded already; a server that takes queries does.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from quantize.fashion.configs import TOKENS
from quantize.fashion.network import FashionNet

MOST = 1024  # of a batch


class TextPart(nn.Module):
    """ids, mask (B, L) int64 -> vector (B, joint)"""

    def __init__(self, network: FashionNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.network.text_vectors(ids, mask)


class QueryPart(nn.Module):
    """image (B, 3, side, side) normalised, ids, mask (B, L) int64 -> vector (B, joint)"""

    def __init__(self, network: FashionNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        return self.network.query_vectors(image, ids, mask)


def text_to_onnx(network: FashionNet, file: Path) -> None:
    """The first layers and the projections: what a description becomes."""
    _write(TextPart(network), _text(), network, file)


def query_to_onnx(network: FashionNet, file: Path) -> None:
    """Both towers: what a picture and a wished change become."""
    side = network.config.vit.side
    inputs = {"image": torch.zeros(2, 3, side, side), **_text()}
    _write(QueryPart(network), inputs, network, file)


def _text() -> dict[str, Tensor]:
    """Two tensors: one given for both would be one input, and the mask the ids."""
    return {name: torch.ones(2, 5, dtype=torch.int64) for name in ("ids", "mask")}


def _write(part: nn.Module, inputs: dict[str, Tensor], network: FashionNet, file: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=MOST)
    most = min(TOKENS[network.config.kind], network.config.bert.positions)
    length = torch.export.Dim("length", min=2, max=most)
    shapes = {name: {0: batch} if name == "image" else {0: batch, 1: length} for name in inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            part.eval(), tuple(inputs.values()), dynamo=True, input_names=list(inputs),
            output_names=["vector"], dynamic_shapes=shapes, verbose=False,
        )  # fmt: skip
    assert program is not None  # only the old exporter gives None
    onnx.save(program.model_proto, file)
