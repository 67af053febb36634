"""BERT (Devlin et al., 2019, arXiv 1810.04805) in two parts: a text tower, and a fusion tower.

The first layers read the text alone; the others look at the picture's tokens as well, between
their self-attention and their feed-forward part. Names of modules are the keys of the published
files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.fashion.configs import EPS_TEXT, Bert

NEVER = -10000.0  # added to the score of a token that is padding


class TextTower(nn.Module):
    """Both parts. `read` gives the state of a text, `fuse` looks at a picture with it."""

    def __init__(self, plan: Bert) -> None:
        super().__init__()
        self.fused_from = plan.fused_from
        self.embeddings = Embeddings(plan)
        layers = [Layer(plan, looks=i >= plan.fused_from) for i in range(plan.layers)]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) ids and mask, 1 where there is a token -> (B, L, width)"""
        x = self.embeddings(ids)
        for layer in self._layers()[: self.fused_from]:
            x = layer(x, hidden(mask), None)
        return x

    def fuse(self, text: Tensor, mask: Tensor, picture: Tensor) -> Tensor:
        """(B, L, width) of `read`, its mask, (B, N, seen) tokens of pictures -> (B, L, width)"""
        x = text
        for layer in self._layers()[self.fused_from :]:
            x = layer(x, hidden(mask), picture)
        return x

    def _layers(self) -> nn.ModuleList:
        found = self.encoder["layer"]
        assert isinstance(found, nn.ModuleList)
        return found


class Embeddings(nn.Module):
    """Of words, of positions, and of the one kind of text there is."""

    def __init__(self, plan: Bert) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(plan.vocabulary, plan.width)
        self.position_embeddings = nn.Embedding(plan.positions, plan.width)
        self.token_type_embeddings = nn.Embedding(2, plan.width)
        self.LayerNorm = nn.LayerNorm(plan.width, eps=EPS_TEXT)

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        kind = self.token_type_embeddings.weight[0]
        out: Tensor = self.LayerNorm(self.word_embeddings(ids) + kind + places)
        return out


class Layer(nn.Module):
    """Self-attention, a look at the picture, the feed-forward part; each post-norm."""

    def __init__(self, plan: Bert, *, looks: bool) -> None:
        super().__init__()
        self.attention = Attention(plan, plan.width)
        self.crossattention = Attention(plan, plan.seen) if looks else None
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(plan.width, plan.inner)})
        self.output = AddAndNorm(plan.inner, plan.width)

    def forward(self, x: Tensor, mask: Tensor, picture: Tensor | None) -> Tensor:
        x = self.attention(x, x, mask)
        if self.crossattention is not None:
            x = self.crossattention(x, picture, None)
        out: Tensor = self.output(F.gelu(self.intermediate["dense"](x)), x)
        return out


class Attention(nn.Module):
    """Tokens look at others: of their own text, or of a picture."""

    def __init__(self, plan: Bert, seen: int) -> None:
        super().__init__()
        self.heads = plan.heads
        self.self = nn.ModuleDict(
            {
                "query": nn.Linear(plan.width, plan.width),
                "key": nn.Linear(seen, plan.width),
                "value": nn.Linear(seen, plan.width),
            }
        )
        self.output = AddAndNorm(plan.width, plan.width)

    def forward(self, x: Tensor, others: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (
            self._split(self.self[name](of))
            for name, of in (("query", x), ("key", others), ("value", others))
        )
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5  # (B, heads, L, N)
        if mask is not None:
            scores = scores + mask
        seen = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        out: Tensor = self.output(seen, x)
        return out

    def _split(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, heads, N, width/heads)"""
        b, n, width = x.shape
        return x.reshape(b, n, self.heads, width // self.heads).transpose(1, 2)


class AddAndNorm(nn.Module):
    """LayerNorm(x W + b + before)"""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(into, out)
        self.LayerNorm = nn.LayerNorm(out, eps=EPS_TEXT)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dense(x) + before)
        return out


def hidden(mask: Tensor) -> Tensor:
    """(B, L) -> (B, 1, 1, L) to add to scores: nothing, or so much that a token is not seen."""
    return (1.0 - mask[:, None, None].to(torch.float32)) * NEVER
