"""Swin transformer (Liu et al., 2021, arXiv 2103.14030) as RAM uses it: 224, 384 or N x 32 px.

Names of modules are the keys of the published files. The batch is always taken from the tensor,
never computed: a computed one is baked into an export, which then is wrong at any other batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from quantize.ram.configs import EPS_SWIN, PATCH, Swin

OUT_OF_REACH = -100.0  # added to the score of two tokens that a shift brought together


class SwinEncoder(nn.Module):
    """(B, 3, side, side) normalised -> (B, 1 + L, channels): the average token, then all L."""

    def __init__(self, plan: Swin) -> None:
        super().__init__()
        last = len(plan.depths) - 1
        self.patch_embed = PatchEmbed(plan.width)
        self.layers = nn.ModuleList([Stage(plan, i, merges=i < last) for i in range(last + 1)])
        self.norm = nn.LayerNorm(plan.channels, eps=EPS_SWIN)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patch_embed(image)  # (B, H, W, C)
        for stage in self.layers:
            x = stage(x)
        x = self.norm(x).flatten(1, 2)  # (B, L, C)
        return torch.cat([x.mean(1, keepdim=True), x], 1)


class PatchEmbed(nn.Module):
    """(B, 3, S, S) -> (B, S/4, S/4, width)"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width, eps=EPS_SWIN)

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.norm(self.proj(image).permute(0, 2, 3, 1))
        return out


class Stage(nn.Module):
    """Blocks on one resolution, then the merge to the next."""

    def __init__(self, plan: Swin, stage: int, *, merges: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(plan, stage, i) for i in range(plan.depths[stage])])
        self.downsample = PatchMerging(plan.width << stage) if merges else None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class Block(nn.Module):
    """Attention inside windows, then the feed-forward part; both pre-norm with a residual."""

    def __init__(self, plan: Swin, stage: int, block: int) -> None:
        super().__init__()
        width = plan.width << stage
        self.window = plan.window_at(stage)
        self.shift = plan.shift_at(stage, block)
        self.norm1 = nn.LayerNorm(width, eps=EPS_SWIN)
        self.attn = WindowAttention(width, self.window, plan.heads[stage])
        self.norm2 = nn.LayerNorm(width, eps=EPS_SWIN)
        self.mlp = Mlp(width)
        mask = shift_mask(plan.resolution(stage), self.window, self.shift) if self.shift else None
        self.register_buffer("attn_mask", mask, persistent=False)  # (windows, N, N) or None

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)  # (B, H, W, C)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = self.attn(to_windows(y, self.window), self.attn_mask)
        y = from_windows(y, self.window, x.shape[1], x.shape[2])
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + y
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class WindowAttention(nn.Module):
    """Self-attention of the N tokens of each window, with a learnt bias by relative position."""

    relative_position_index: Tensor

    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", position_index(window), persistent=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, windows, N, C) -> the same"""
        b, windows, n, c = x.shape
        qkv = self.qkv(x).reshape(b, windows, n, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5).unbind(0)  # (B, windows, heads, N, C/heads)
        scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1) + self.bias()
        if mask is not None:
            scores = scores + mask[:, None]  # (windows, 1, N, N)
        seen = scores.softmax(-1) @ v
        out: Tensor = self.proj(seen.transpose(2, 3).reshape(b, windows, n, c))
        return out

    def bias(self) -> Tensor:
        """(heads, N, N)"""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)


class Mlp(nn.Module):
    """C -> 4 C -> C with the exact GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class PatchMerging(nn.Module):
    """(B, H, W, C) -> (B, H/2, W/2, 2 C)"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=EPS_SWIN)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # The published order of the four phases: rows change first.
        phases = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        out: Tensor = self.reduction(self.norm(torch.cat(phases, -1)))
        return out


def to_windows(x: Tensor, window: int) -> Tensor:
    """(B, H, W, C) -> (B, windows, window * window, C), windows row by row."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // window, window, w // window, window, c).transpose(2, 3)
    return x.reshape(b, (h // window) * (w // window), window * window, c)


def from_windows(x: Tensor, window: int, h: int, w: int) -> Tensor:
    """What `to_windows` took apart, together again."""
    b, _, _, c = x.shape
    x = x.reshape(b, h // window, w // window, window, window, c).transpose(2, 3)
    return x.reshape(b, h, w, c)


def position_index(window: int) -> Tensor:
    """(N, N) int64: the row of the bias table for each pair of tokens of a window.

    Made with numpy, so that it has values also where the network is built on torch's meta device.
    """
    row, column = np.divmod(np.arange(window * window), window)
    down = row[:, None] - row[None] + window - 1
    right = column[:, None] - column[None] + window - 1
    return torch.from_numpy(down * (2 * window - 1) + right)


def shift_mask(resolution: int, window: int, shift: int) -> Tensor:
    """(windows, N, N) float32: OUT_OF_REACH between tokens that are no neighbours in the picture.

    After the roll, the last window of a row holds tokens from both ends of the picture.
    """
    place = np.arange(resolution)
    part = (place >= resolution - window).astype(int) + (place >= resolution - shift)  # 0, 1 or 2
    region = torch.from_numpy(3 * part[:, None] + part[None])[None, :, :, None]
    part_of = to_windows(region, window)[0, :, :, 0].numpy()  # (windows, N)
    is_apart = part_of[:, :, None] != part_of[:, None]
    return torch.from_numpy(np.where(is_apart, np.float32(OUT_OF_REACH), np.float32(0)))
