"""The image tower as a device runs it: pixels in, one vector of length 1 out.

Its two projections have nothing between them, so they are one matrix here; and CLIP's
normalisation, which the published weights expect, is part of the first convolution: patches do not
overlap and are not padded, so this is exact. What remains is the normalisation of every student.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.fashion.network import FashionNet
from quantize.students import MEAN, SCALE, Network

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of pixels 0..1, RGB
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class FoldedTower(Network):
    """(B, 3, side, side) normalised as students are -> "embedding" (B, joint) of length 1."""

    name = "fashionsap-image"
    precise = ("project",)  # the vector itself: few products, and every one of them shows

    def __init__(self, network: FashionNet) -> None:
        super().__init__()
        self.side = network.config.vit.side
        self.tower = copy.deepcopy(network.visual_encoder)
        _take_in(self.tower.patch_embed["proj"])
        self.project = folded(network.vision_proj, network.combine_vision_proj)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("embedding",)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"embedding": F.normalize(self.project(self.tower(x)[:, 0]), dim=-1)}


@torch.no_grad()
def folded(first: nn.Linear, second: nn.Linear) -> nn.Linear:
    """One matrix for two, computed in double precision."""
    one = nn.Linear(first.in_features, second.out_features)
    a, b = first.weight.double(), second.weight.double()
    one.weight.copy_((b @ a).float())
    one.bias.copy_((b @ first.bias.double() + second.bias.double()).float())
    return one.requires_grad_(False)


@torch.no_grad()
def _take_in(patches: nn.Module) -> None:
    """A pixel p comes as (p - MEAN) / SCALE, and the weights want (p / 255 - mean) / std."""
    assert isinstance(patches, nn.Conv2d)
    assert patches.bias is not None
    mean, std = torch.tensor(CLIP_MEAN).double() * 255, torch.tensor(CLIP_STD).double() * 255
    gain, shift = SCALE / std, (MEAN - mean) / std  # (3,)
    weight = patches.weight.double()
    bias = patches.bias.double() + torch.einsum("ocij,c->o", weight, shift)
    patches.weight = nn.Parameter((weight * gain[:, None, None]).float(), requires_grad=False)
    patches.bias = nn.Parameter(bias.float(), requires_grad=False)


def as_published(pixels: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) as the published network wants it."""
    x = torch.from_numpy(pixels).float().permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (CLIP_MEAN, CLIP_STD))
    return (x - mean) / std
