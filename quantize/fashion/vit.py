"""ViT (Dosovitskiy et al., 2021, arXiv 2010.11929) as FashionSAP has it: the image tower.

Names of modules are the keys of the published files. The batch is taken from the tensor, never
computed: a computed one is baked into an export.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.fashion.configs import EPS_IMAGE, Vit


class ImageTower(nn.Module):
    """(B, 3, side, side) normalised -> (B, tokens, width); token 0 stands for the picture."""

    def __init__(self, plan: Vit) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, plan.width, plan.patch, plan.patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, plan.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, plan.tokens, plan.width))
        self.blocks = nn.ModuleList([Block(plan) for _ in range(plan.depth)])
        self.norm = nn.LayerNorm(plan.width, eps=EPS_IMAGE)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](image).flatten(2).transpose(1, 2)  # (B, N, width)
        first = self.cls_token.expand(patches.shape[0], -1, -1)
        x = torch.cat([first, patches], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x)
        return out


class Block(nn.Module):
    """Attention, then the feed-forward part; both pre-norm with a residual."""

    def __init__(self, plan: Vit) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(plan.width, eps=EPS_IMAGE)
        self.attn = Attention(plan.width, plan.heads)
        self.norm2 = nn.LayerNorm(plan.width, eps=EPS_IMAGE)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(plan.width, plan.inner), "fc2": nn.Linear(plan.inner, plan.width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        wide = F.gelu(self.mlp["fc1"](self.norm2(x)))
        out: Tensor = x + self.mlp["fc2"](wide)
        return out


class Attention(nn.Module):
    """Every token of a picture looks at every other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> the same"""
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]  # (B, heads, N, C/heads)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)
        out: Tensor = self.proj((weights @ v).transpose(1, 2).reshape(b, n, c))
        return out
