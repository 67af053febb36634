"""Networks of a few hundred weights with the two outputs that the recipe asks of a student."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, TAGS = 8, 3


class TinyCnn(nn.Module):
    """A convolution with batch norm, dropout and one head."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({"shape": nn.Linear(WIDTH, TAGS)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        embedding = self.norm(self.conv(x)).relu().mean((2, 3))
        return {"embedding": embedding, "shape": self.heads["shape"](self.dropout(embedding))}


class TinyVit(nn.Module):
    """Patches of 16 px, a class token, one transformer block: no batch norm anywhere."""

    def __init__(self, side: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.place = nn.Parameter(torch.zeros(1, 1 + (side // 16) ** 2, WIDTH))
        self.block = nn.TransformerEncoderLayer(WIDTH, 2, 16, 0.0, batch_first=True)
        self.heads = nn.ModuleDict({"shape": nn.Linear(WIDTH, TAGS)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        seen = self.patches(x).flatten(2).transpose(1, 2)  # (N, patches, WIDTH)
        seen = torch.cat([self.token.expand(len(x), -1, -1), seen], 1) + self.place
        embedding = self.block(seen)[:, 0]
        return {"embedding": embedding, "shape": self.heads["shape"](embedding)}
