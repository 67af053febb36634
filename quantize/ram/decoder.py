"""The tag decoder: two BERT layers of cross-attention alone, as Query2Label has them.

Queries are tags, keys and values are picture tokens. No tag sees another, which is why any subset
of the tags, in any order, has the scores of the full run.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from quantize.ram.configs import EPS_DECODER, TaggerConfig


class TagDecoder(nn.Module):
    """`first` is the first layer's query projection, where it is known already."""

    def __init__(self, plan: TaggerConfig) -> None:
        super().__init__()
        layers = [DecoderLayer(plan) for _ in range(plan.layers)]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def layer(self, index: int) -> DecoderLayer:
        found: DecoderLayer = self.encoder["layer"][index]  # type: ignore[index]
        return found

    def forward(self, queries: Tensor, tokens: Tensor, first: Tensor | None = None) -> Tensor:
        """(B or 1, T, hidden), (B, L, token) -> (B, T, hidden)"""
        x = queries
        for index in range(len(self.encoder["layer"])):  # type: ignore[arg-type]
            x = self.layer(index)(x, tokens, first if index == 0 else None)
        return x


class DecoderLayer(nn.Module):
    """Cross-attention, then the feed-forward part; both post-norm."""

    def __init__(self, plan: TaggerConfig) -> None:
        super().__init__()
        self.crossattention = CrossAttention(plan)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(plan.hidden, plan.inner)})
        self.output = AddAndNorm(plan.inner, plan.hidden)

    def forward(self, x: Tensor, tokens: Tensor, query: Tensor | None) -> Tensor:
        x = self.crossattention(x, tokens, query)
        out: Tensor = self.output(F.gelu(self.intermediate["dense"](x)), x)
        return out


class CrossAttention(nn.Module):
    """Each tag looks at every picture token."""

    def __init__(self, plan: TaggerConfig) -> None:
        super().__init__()
        self.heads = plan.heads
        self.self = nn.ModuleDict(
            {
                "query": nn.Linear(plan.hidden, plan.hidden),
                "key": nn.Linear(plan.token, plan.hidden),
                "value": nn.Linear(plan.token, plan.hidden),
            }
        )
        self.output = AddAndNorm(plan.hidden, plan.hidden)

    def project(self, queries: Tensor) -> Tensor:
        """(B or 1, T, hidden) -> the same: all of the attention that needs no picture."""
        out: Tensor = self.self["query"](queries)
        return out

    def forward(self, queries: Tensor, tokens: Tensor, query: Tensor | None) -> Tensor:
        q = self.split(self.project(queries) if query is None else query)
        k, v = self.split(self.self["key"](tokens)), self.split(self.self["value"](tokens))
        q = q.expand(tokens.shape[0], -1, -1, -1)  # RAM's queries are the same for every picture
        seen = F.scaled_dot_product_attention(q, k, v)  # (B, heads, T, hidden/heads)
        out: Tensor = self.output(seen.transpose(1, 2).flatten(2), queries)
        return out

    def split(self, x: Tensor) -> Tensor:
        """(B, N, hidden) -> (B, heads, N, hidden/heads)"""
        b, n, hidden = x.shape
        return x.reshape(b, n, self.heads, hidden // self.heads).transpose(1, 2)


class AddAndNorm(nn.Module):
    """LayerNorm(x W + b + before)"""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(into, out)
        self.LayerNorm = nn.LayerNorm(out, eps=EPS_DECODER)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dense(x) + before)
        return out
