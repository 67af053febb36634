"""Published FashionSAP files: a network, and what became of every key.

Momentum twins and queues, half of a file, are left out by key, and the report says so.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from quantize.checkpoints.reading import State, read_state
from quantize.checkpoints.report import LoadReport, reported
from quantize.errors import WorkshopError
from quantize.fashion.configs import Kind
from quantize.fashion.layout import NAMES, config_of, kind_of, sorted_out
from quantize.fashion.network import FashionNet

POSITIONS = "visual_encoder.pos_embed"
FORM = "a FashionSAP checkpoint"


def load(
    file: Path,
    *,
    kind: Kind | None = None,
    image_size: int | None = None,
    heads: int | None = None,
) -> tuple[FashionNet, LoadReport]:
    """A network on the CPU in single precision, in evaluation mode, and what became of every key.

    kind        refuse a file for another task; None: whatever the file is for
    image_size  px, a multiple of the patch; None: as trained, else positions are resized
    heads       of attention; None: each 64 wide, as published

    Raises WorkshopError for a file that is no such checkpoint, holds code, or lacks or has keys it
    should not: nothing is ever half loaded. The file must stay as it is while the network is used.
    """
    state, dropped = read_state(file, FORM)
    kept, more, renamed = sorted_out(state)
    found = kind_of(file, kept, kind)
    config = config_of(file, found, kept, image_size, heads)
    with torch.device("meta"):
        network = FashionNet(config)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    changes = _resize(kept, shapes[POSITIONS])
    report = reported(file, found, kept, shapes, renamed, changes, {**dropped, **more})
    _refuse_incomplete(report)
    network.load_state_dict({k: v.float() for k, v in kept.items()}, strict=True, assign=True)
    return network.requires_grad_(False).eval(), report


def resized(positions: Tensor, tokens: int) -> Tensor:
    """(1, 1 + n * n, C) -> (1, tokens, C): the picture's own is kept, the grid bicubic."""
    before, after = (math.isqrt(n - 1) for n in (positions.shape[1], tokens))
    first, grid = positions[:, :1], positions[:, 1:]
    square = grid.reshape(1, before, before, -1).permute(0, 3, 1, 2)
    square = F.interpolate(square, (after, after), mode="bicubic", align_corners=False)
    return torch.cat([first, square.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def _resize(kept: State, shape: tuple[int, ...]) -> dict[str, str]:
    """In place; key -> what was done."""
    held = kept[POSITIONS]
    if held.shape[1] == shape[1] or held.shape[2:] != shape[2:]:
        return {}
    kept[POSITIONS] = resized(held.float(), shape[1])
    return {POSITIONS: f"{held.shape[1]} -> {shape[1]} tokens"}


def _refuse_incomplete(report: LoadReport) -> None:
    if not report.is_complete:
        wanted = len(report.loaded) + len(report.missing) + len(report.wrong_shape)
        raise WorkshopError(
            report.file,
            report.faults(),
            f"the {wanted} keys of a checkpoint for {NAMES[report.kind]}",
            "download the file again, or check which network it belongs to",
        )
