"""Any network of timm as a student's backbone: `timm:NAME`.

Weights are random: timm would fetch published ones over the network. Download the file yourself and
give it as `--start FILE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from quantize.errors import WorkshopError
from quantize.students.scale import MEAN, SCALE
from quantize.timm_import import import_timm

PREFIX = "timm:"
INSTALL = "pip install timm torchvision"


class Timm(nn.Module):
    """(N, 3, H, W) normalised as a student's -> (N, D, 1, 1): pooled as the network itself pools.

    Not (N, D, H/32, W/32), because only half of timm's networks have such a map.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        about: Mapping[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
        self.network, self.name = network, name
        self.side = about["input_size"][-1] if about.get("fixed_input_size") else None
        for part in ("mean", "std"):
            values = torch.tensor(about[part]).reshape(1, -1, 1, 1)  # of pixels 0..1
            self.register_buffer(part, values, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.side and x.shape[-1] != self.side:
            raise WorkshopError(
                self.name, f"pictures of {x.shape[-1]} px", f"{self.side} px, the only size this "
                "network takes", f"--side {self.side}",
            )  # fmt: skip
        seen = ((x * SCALE + MEAN) / 255 - self.mean) / self.std  # as timm trained it
        pooled: Tensor = self.network(seen)
        return pooled[:, :, None, None]


def build(name: str) -> tuple[Timm, int]:
    """`timm:NAME` -> the network without its classifier, and D. Raises WorkshopError."""
    timm, plain = _timm(), name.removeprefix(PREFIX)
    if not timm.is_model(plain):
        near = get_close_matches(plain, timm.list_models(), 3) or ["mobilenetv4_conv_small"]
        raise WorkshopError(
            name, f"timm {timm.__version__} has no such network", f"one like {', '.join(near)}",
            f"--student {PREFIX}{near[0]}",
        )  # fmt: skip
    network = timm.create_model(plain, pretrained=False, num_classes=0)
    size = getattr(network, "head_hidden_size", None) or network.num_features
    return Timm(network, name), int(size)


def fill(backbone: Timm, state: Mapping[str, Tensor]) -> None:
    """Fill the network from timm's published weights. Raises WorkshopError where one differs."""
    mine = backbone.network.state_dict()
    wrong = [k for k, v in mine.items() if k not in state or state[k].shape != v.shape]
    if wrong:
        found = tuple(state[wrong[0]].shape) if wrong[0] in state else "missing"
        raise WorkshopError(
            wrong[0],
            f"{found}, and {len(wrong) - 1} more tensors that do not fit",
            f"{tuple(mine[wrong[0]].shape)} as in {backbone.name}",
            "give the weights of that network",
        )
    backbone.network.load_state_dict({key: state[key] for key in mine})


def _timm() -> Any:
    try:
        return import_timm()
    except ModuleNotFoundError as e:
        raise WorkshopError(e.name, "not installed", "timm, for students timm:NAME", INSTALL) from e
