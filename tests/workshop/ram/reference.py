"""The networks once more, as sums over a state dict: einsum, gathers, loops over pictures and tags.

Shares nothing with quantize.ram, in double precision. Windows are gathered by explicit positions,
the shift's mask is "both or neither came round the edge", softmax and LayerNorm are written out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

State = Mapping[str, Tensor]


def answers(
    state: State,
    image: Tensor,
    kind: str,
    heads: Sequence[int],
    window: int,
    counts: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """(B, 3, S, S) -> logits (B, T), embedding (B, D)"""
    s = {k: v.to(image.dtype) for k, v in state.items() if not k.startswith(("tag_e", "text_d"))}
    tokens = swin(s, image, heads, window)
    if kind != "tag2text":
        tokens = linear(s, "image_proj", tokens)
    rows = []
    for picture in tokens:  # one at a time, as if there were no batch
        queries = queries_of(s, kind, picture[0], counts)
        decoded = decoder_layer(s, 0, queries, picture)
        decoded = decoder_layer(s, 1, decoded, picture)
        if kind == "tag2text":
            rows.append(torch.einsum("th,th->t", s["fc.W"][0], decoded) + s["fc.b"][0])
        else:
            rows.append(linear(s, "fc", decoded)[:, 0])
    return torch.stack(rows), tokens[:, 0]


def queries_of(s: State, kind: str, embedding: Tensor, counts: Sequence[int]) -> Tensor:
    """(T, hidden)"""
    if kind == "tag2text":
        return s["label_embed.weight"]
    rows = s["label_embed"]
    if kind == "ram++":
        scale = math.exp(float(s["reweight_scale"]))
        unit = embedding / math.sqrt(float((embedding * embedding).sum()))
        mixed, start = [], 0
        for count in counts:  # tag by tag
            own = rows[start : start + count]
            fit = torch.exp(scale * torch.einsum("kd,d->k", own, unit))
            mixed.append(torch.einsum("k,kd->d", fit / fit.sum(), own))
            start += count
        rows = torch.stack(mixed)
    return linear(s, "wordvec_proj", rows).clamp(min=0)


def decoder_layer(s: State, index: int, x: Tensor, tokens: Tensor, heads: int = 4) -> Tensor:
    """(T, hidden), (L, D) -> (T, hidden)"""
    prefix = f"tagging_head.encoder.layer.{index}"
    q, k, v = (
        linear(s, f"{prefix}.crossattention.self.{name}", y).reshape(len(y), heads, -1)
        for name, y in (("query", x), ("key", tokens), ("value", tokens))
    )
    weights = softmax(torch.einsum("thd,lhd->htl", q, k) / math.sqrt(q.shape[2]))
    seen = torch.einsum("htl,lhd->thd", weights, v).reshape(x.shape)
    seen = linear(s, f"{prefix}.crossattention.output.dense", seen)
    x = norm(s, f"{prefix}.crossattention.output.LayerNorm", seen + x, 1e-12)
    wide = gelu(linear(s, f"{prefix}.intermediate.dense", x))
    return norm(
        s, f"{prefix}.output.LayerNorm", linear(s, f"{prefix}.output.dense", wide) + x, 1e-12
    )


def swin(s: State, image: Tensor, heads: Sequence[int], window: int) -> Tensor:
    """(B, 3, S, S) -> (B, 1 + L, C)"""
    b, _, side, _ = image.shape
    patches = image.reshape(b, 3, side // 4, 4, side // 4, 4)
    first = "visual_encoder.patch_embed"
    x = torch.einsum("bcyixj,ocij->byxo", patches, s[f"{first}.proj.weight"])
    x = norm(s, f"{first}.norm", x + s[f"{first}.proj.bias"], 1e-5)
    for stage in range(4):
        block = 0
        while f"visual_encoder.layers.{stage}.blocks.{block}.norm1.weight" in s:
            prefix = f"visual_encoder.layers.{stage}.blocks.{block}"
            x = swin_block(s, prefix, x, heads[stage], window, is_odd=block % 2 == 1)
            block += 1
        if stage < 3:
            x = merge(s, f"visual_encoder.layers.{stage}.downsample", x)
    x = norm(s, "visual_encoder.norm", x, 1e-5)
    x = x.reshape(b, -1, x.shape[3])
    return torch.cat([x.sum(1, keepdim=True) / x.shape[1], x], 1)


def swin_block(
    s: State, prefix: str, x: Tensor, heads: int, window: int, *, is_odd: bool
) -> Tensor:
    b, side, _, c = x.shape
    shift = window // 2 if is_odd and side > window else 0
    place, came_round = gathered(side, window, shift)  # (windows, N) positions; (windows, N, 2)
    y = norm(s, f"{prefix}.norm1", x, 1e-5).reshape(b, side * side, c)[:, place]
    qkv = linear(s, f"{prefix}.attn.qkv", y).reshape(*y.shape[:3], 3, heads, c // heads)
    q, k, v = (qkv[:, :, :, i] for i in range(3))  # (B, windows, N, heads, d)
    scores = torch.einsum("bwnhd,bwmhd->bwhnm", q, k) / math.sqrt(c // heads)
    scores = scores + bias(s[f"{prefix}.attn.relative_position_bias_table"], window)
    is_apart = (came_round[:, :, None] != came_round[:, None]).any(-1)  # (windows, N, N)
    scores = scores - 100.0 * is_apart[:, None].to(scores.dtype)
    seen = torch.einsum("bwhnm,bwmhd->bwnhd", softmax(scores), v).reshape(y.shape)
    back = torch.empty_like(x).reshape(b, side * side, c)
    back[:, place.reshape(-1)] = linear(s, f"{prefix}.attn.proj", seen).reshape(b, -1, c)
    x = x + back.reshape(x.shape)
    wide = gelu(linear(s, f"{prefix}.mlp.fc1", norm(s, f"{prefix}.norm2", x, 1e-5)))
    return x + linear(s, f"{prefix}.mlp.fc2", wide)


def gathered(side: int, window: int, shift: int) -> tuple[Tensor, Tensor]:
    """For every window its tokens' positions in the map, and whether row and column went round."""
    place, came_round = [], []
    for top in range(0, side, window):
        for left in range(0, side, window):
            at, went = [], []
            for i in range(window):
                for j in range(window):
                    row, column = top + i + shift, left + j + shift
                    at.append(row % side * side + column % side)
                    went.append([row >= side, column >= side])
            place.append(at)
            came_round.append(went)
    return torch.tensor(place), torch.tensor(came_round)


def bias(table: Tensor, window: int) -> Tensor:
    """(heads, N, N): the row of the table for how far down and right the query is of the key."""
    n, wide = window * window, 2 * window - 1
    out = table.new_empty(table.shape[1], n, n)
    for i in range(n):
        for j in range(n):
            down, right = i // window - j // window, i % window - j % window
            out[:, i, j] = table[(down + window - 1) * wide + right + window - 1]
    return out


def merge(s: State, prefix: str, x: Tensor) -> Tensor:
    """Of each 2 x 2: top left, bottom left, top right, bottom right."""
    b, side, _, c = x.shape
    quads = x.reshape(b, side // 2, 2, side // 2, 2, c)
    phases = [quads[:, :, i, :, j] for i, j in ((0, 0), (1, 0), (0, 1), (1, 1))]
    y = norm(s, f"{prefix}.norm", torch.cat(phases, -1), 1e-5)
    return torch.einsum("byxc,oc->byxo", y, s[f"{prefix}.reduction.weight"])


def linear(s: State, prefix: str, x: Tensor) -> Tensor:
    return torch.einsum("...c,oc->...o", x, s[f"{prefix}.weight"]) + s[f"{prefix}.bias"]


def norm(s: State, prefix: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.sum(-1, keepdim=True) / x.shape[-1]
    variance = (centred * centred).sum(-1, keepdim=True) / x.shape[-1]
    return centred / torch.sqrt(variance + eps) * s[f"{prefix}.weight"] + s[f"{prefix}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def softmax(x: Tensor) -> Tensor:
    powers = torch.exp(x - x.amax(-1, keepdim=True))
    return powers / powers.sum(-1, keepdim=True)
