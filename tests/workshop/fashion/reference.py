"""The networks once more, as sums over a state dict: einsum, one picture and one text at a time.

Shares nothing with quantize.fashion, in double precision; a text is cut to its own length instead
of being padded and masked; softmax, GELU and LayerNorm are written out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

State = Mapping[str, Tensor]


def double(state: State) -> dict[str, Tensor]:
    return {k: v.double() for k, v in state.items() if "_m." not in k and "queue" not in k}


def image_state(s: State, image: Tensor, heads: int) -> Tensor:
    """(3, S, S) -> (N, width)"""
    kernel = s["visual_encoder.patch_embed.proj.weight"]
    p = kernel.shape[2]
    rows = [
        torch.einsum("oijk,ijk->o", kernel, image[:, y : y + p, x : x + p])
        for y in range(0, image.shape[1], p)
        for x in range(0, image.shape[2], p)
    ]
    patches = torch.stack(rows) + s["visual_encoder.patch_embed.proj.bias"]
    x = torch.cat([s["visual_encoder.cls_token"][0], patches]) + s["visual_encoder.pos_embed"][0]
    i = 0
    while f"visual_encoder.blocks.{i}.norm1.weight" in s:
        x = block(s, f"visual_encoder.blocks.{i}", x, heads)
        i += 1
    return norm(s, "visual_encoder.norm", x, 1e-6)


def block(s: State, prefix: str, x: Tensor, heads: int) -> Tensor:
    y = norm(s, f"{prefix}.norm1", x, 1e-6)
    third = x.shape[1]
    weight, bias = s[f"{prefix}.attn.qkv.weight"], s[f"{prefix}.attn.qkv.bias"]
    q, k, v = (
        torch.einsum("nc,oc->no", y, weight[i * third : (i + 1) * third])
        + bias[i * third : (i + 1) * third]
        for i in range(3)
    )
    x = x + linear(s, f"{prefix}.attn.proj", attended(q, k, v, heads))
    wide = gelu(linear(s, f"{prefix}.mlp.fc1", norm(s, f"{prefix}.norm2", x, 1e-6)))
    return x + linear(s, f"{prefix}.mlp.fc2", wide)


def text_state(s: State, ids: Tensor, heads: int, until: int) -> Tensor:
    """(L,) -> (L, width) after the layers before `until`"""
    first = "text_encoder.embeddings"
    rows = [
        s[f"{first}.word_embeddings.weight"][int(word)]
        + s[f"{first}.position_embeddings.weight"][place]
        + s[f"{first}.token_type_embeddings.weight"][0]
        for place, word in enumerate(ids)
    ]
    x = norm(s, f"{first}.LayerNorm", torch.stack(rows), 1e-12)
    for i in range(until):
        x = bert_layer(s, i, x, None, heads)
    return x


def fused_state(s: State, text: Tensor, picture: Tensor, heads: int, since: int) -> Tensor:
    """(L, width), (N, width of pictures) -> (L, width) after the layers from `since` on"""
    x, i = text, since
    while f"text_encoder.encoder.layer.{i}.output.dense.weight" in s:
        x = bert_layer(s, i, x, picture, heads)
        i += 1
    return x


def bert_layer(s: State, i: int, x: Tensor, picture: Tensor | None, heads: int) -> Tensor:
    prefix = f"text_encoder.encoder.layer.{i}"
    x = bert_attention(s, f"{prefix}.attention", x, x, heads)
    if picture is not None:
        x = bert_attention(s, f"{prefix}.crossattention", x, picture, heads)
    wide = gelu(linear(s, f"{prefix}.intermediate.dense", x))
    return norm(
        s, f"{prefix}.output.LayerNorm", linear(s, f"{prefix}.output.dense", wide) + x, 1e-12
    )


def bert_attention(s: State, prefix: str, x: Tensor, others: Tensor, heads: int) -> Tensor:
    q, k, v = (
        linear(s, f"{prefix}.self.{name}", of)
        for name, of in (("query", x), ("key", others), ("value", others))
    )
    seen = linear(s, f"{prefix}.output.dense", attended(q, k, v, heads))
    return norm(s, f"{prefix}.output.LayerNorm", seen + x, 1e-12)


def attended(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """(L, C), (N, C), (N, C) -> (L, C), a head after the other"""
    wide = q.shape[1] // heads
    parts = []
    for h in range(heads):
        own = slice(h * wide, (h + 1) * wide)
        powers = torch.exp(torch.einsum("lc,nc->ln", q[:, own], k[:, own]) / math.sqrt(wide))
        parts.append(torch.einsum("ln,nc->lc", powers / powers.sum(1, keepdim=True), v[:, own]))
    return torch.cat(parts, 1)


def image_vector(s: State, image: Tensor, heads: int) -> Tensor:
    state = image_state(s, image, heads)[0]
    return unit(linear(s, "combine_vision_proj", linear(s, "vision_proj", state)))


def text_vector(s: State, state: Tensor) -> Tensor:
    return unit(linear(s, "combine_text_proj", linear(s, "text_proj", state)))


def category_logits(s: State, state: Tensor) -> Tensor:
    x = norm(s, "catemap_layer.1", linear(s, "catemap_layer.0", state), 1e-12)
    return linear(s, "catemap_layer.2", x)


def word_logits(s: State, state: Tensor) -> Tensor:
    head = "decoder_layer.predictions"
    x = norm(s, f"{head}.transform.LayerNorm", gelu(linear(s, f"{head}.transform.dense", state)),
             1e-12)  # fmt: skip
    return linear(s, f"{head}.decoder", x)


def replaced_logits(s: State, state: Tensor) -> Tensor:
    head = "replace_predict_layer"
    x = norm(s, f"{head}.norm_layer", gelu(linear(s, f"{head}.dense_layer", state)), 1e-12)
    return linear(s, f"{head}.predict_layer", x)


def unit(x: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).sum())


def linear(s: State, prefix: str, x: Tensor) -> Tensor:
    return torch.einsum("...c,oc->...o", x, s[f"{prefix}.weight"]) + s[f"{prefix}.bias"]


def norm(s: State, prefix: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.sum(-1, keepdim=True) / x.shape[-1]
    variance = (centred * centred).sum(-1, keepdim=True) / x.shape[-1]
    return centred / torch.sqrt(variance + eps) * s[f"{prefix}.weight"] + s[f"{prefix}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
