"""Checkpoints in the published layout, every tensor random, at any width.

The key lists are written out here once more, from /work/shared/reference, not taken from the code
under test; a test compares them with the published lists.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]
Named = Iterator[tuple[str, tuple[int, ...]]]
KINDS = ("pretrain", "retrieval", "category", "tgir")


class Plan(NamedTuple):
    """What a checkpoint is made of."""

    kind: str
    side: int = 48
    patch: int = 16
    width: int = 24  # of the image tower
    depth: int = 3
    text: int = 32  # width of the text tower
    layers: int = 4
    fused_from: int = 2
    heads: int = 4
    vocabulary: int = 60
    positions: int = 192
    joint: int = 12
    classes: int = 5
    queue: int = 8


FULL = {"side": 256, "width": 768, "depth": 12, "text": 768, "layers": 12, "fused_from": 6,
        "heads": 12, "vocabulary": 30522, "positions": 512, "joint": 256, "classes": 48,
        "queue": 65536}  # fmt: skip


def layout(plan: Plan) -> Shapes:
    """Key -> shape of everything a published file has under `model`."""
    shapes = dict(_image("visual_encoder", plan)) | dict(_text("text_encoder", plan))
    if plan.kind == "category":
        shapes |= dict(_linear("catemap_layer.0", plan.text, plan.text))
        shapes |= dict(_norm("catemap_layer.1", plan.text))
        return shapes | dict(_linear("catemap_layer.2", plan.classes, plan.text))
    shapes |= dict(_joined(plan, "")) | dict(_joined(plan, "_m")) | dict(_queues(plan))
    shapes |= dict(_image("visual_encoder_m", plan)) | dict(_text("text_encoder_m", plan))
    if plan.kind != "tgir":
        shapes |= dict(_linear("itm_head", 2, plan.text))
    if plan.kind == "pretrain":
        shapes |= dict(_pretraining(plan))
    return shapes


def random_state(plan: Plan, seed: int = 0) -> dict[str, Tensor]:
    """The layout filled, nothing at its default; what training alone needs is NaN."""
    state = {}
    for key, shape in layout(plan).items():
        if key.endswith("queue_ptr") or key in ("idx_queue", "position_ids"):
            state[key] = torch.zeros(shape, dtype=torch.int64)
        elif "_m." in key or key.endswith("_queue"):
            state[key] = torch.full((1,), math.nan).expand(shape)
        else:
            state[key] = _drawn(key, shape, seed)
    if plan.kind == "pretrain":  # one tensor under two names
        state["decoder_layer.predictions.bias"] = state["decoder_layer.predictions.decoder.bias"]
    return state


def write(state: dict[str, Tensor], file: Path, junk: int = 0) -> Path:
    """As the training script saves: weights under `model`, an optimiser of `junk` numbers."""
    moments = {"exp_avg": torch.ones(junk), "step": 3}
    beside = {"optimizer": {"state": {0: moments}}, "lr_scheduler": {"base": [1e-5]}}
    torch.save({"model": state, **beside, "config": {"image_res": 256}, "epoch": 4}, file)
    return file


def pictures(plan: Plan, count: int, seed: int = 9) -> Tensor:
    """(count, 3, side, side)"""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, plan.side, plan.side, generator=generator)


def texts(plan: Plan, lengths: list[int], seed: int = 5) -> tuple[Tensor, Tensor]:
    """Ids and mask of texts of these lengths, padded to the longest."""
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(lengths)
    ids = torch.randint(1, plan.vocabulary, shape, generator=generator)
    mask = (torch.arange(shape[1])[None] < torch.tensor(lengths)[:, None]).long()
    return ids * mask, mask


def _drawn(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))
    noise = torch.randn(shape, generator=generator)
    if key == "temp":
        return 0.07 + 0.01 * noise
    if key.endswith(".bias"):
        return 0.2 * noise
    if "norm" in key.lower():
        return 1 + 0.2 * noise
    if ("embed" in key and "proj" not in key) or key.endswith("cls_token"):
        return noise
    return 1.3 * noise / math.sqrt(math.prod(shape[1:]))


def _image(prefix: str, plan: Plan) -> Named:
    width = plan.width
    yield f"{prefix}.cls_token", (1, 1, width)
    yield f"{prefix}.pos_embed", (1, (plan.side // plan.patch) ** 2 + 1, width)
    yield f"{prefix}.patch_embed.proj.weight", (width, 3, plan.patch, plan.patch)
    yield f"{prefix}.patch_embed.proj.bias", (width,)
    for i in range(plan.depth):
        block = f"{prefix}.blocks.{i}"
        yield from _norm(f"{block}.norm1", width)
        yield from _linear(f"{block}.attn.qkv", 3 * width, width)
        yield from _linear(f"{block}.attn.proj", width, width)
        yield from _norm(f"{block}.norm2", width)
        yield from _linear(f"{block}.mlp.fc1", 4 * width, width)
        yield from _linear(f"{block}.mlp.fc2", width, 4 * width)
    yield from _norm(f"{prefix}.norm", width)


def _text(prefix: str, plan: Plan) -> Named:
    width = plan.text
    yield f"{prefix}.embeddings.position_ids", (1, plan.positions)
    yield f"{prefix}.embeddings.word_embeddings.weight", (plan.vocabulary, width)
    yield f"{prefix}.embeddings.position_embeddings.weight", (plan.positions, width)
    yield f"{prefix}.embeddings.token_type_embeddings.weight", (2, width)
    yield from _norm(f"{prefix}.embeddings.LayerNorm", width)
    for i in range(plan.layers):
        layer = f"{prefix}.encoder.layer.{i}"
        yield from _attention(f"{layer}.attention", width, width)
        if i >= plan.fused_from:
            yield from _attention(f"{layer}.crossattention", width, plan.width)
        yield from _linear(f"{layer}.intermediate.dense", 4 * width, width)
        yield from _linear(f"{layer}.output.dense", width, 4 * width)
        yield from _norm(f"{layer}.output.LayerNorm", width)


def _attention(prefix: str, width: int, seen: int) -> Named:
    yield from _linear(f"{prefix}.self.query", width, width)
    yield from _linear(f"{prefix}.self.key", width, seen)
    yield from _linear(f"{prefix}.self.value", width, seen)
    yield from _linear(f"{prefix}.output.dense", width, width)
    yield from _norm(f"{prefix}.output.LayerNorm", width)


def _joined(plan: Plan, twin: str) -> Named:
    if not twin:
        yield "temp", ()
    yield from _linear(f"vision_proj{twin}", plan.joint, plan.width)
    yield from _linear(f"text_proj{twin}", plan.joint, plan.text)
    yield from _linear(f"combine_vision_proj{twin}", plan.joint, plan.joint)
    yield from _linear(f"combine_text_proj{twin}", plan.joint, plan.joint)


def _queues(plan: Plan) -> Named:
    yield "image_queue", (plan.joint, plan.queue)
    if plan.kind == "tgir":
        yield "fusion_queue", (plan.joint, plan.queue)
        yield "img_queue_ptr", (1,)
        yield "fusion_queue_ptr", (1,)
        return
    yield "text_queue", (plan.joint, plan.queue)
    yield "queue_ptr", (1,)
    if plan.kind == "pretrain":
        yield "idx_queue", (1, plan.queue)


def _pretraining(plan: Plan) -> Named:
    head = "decoder_layer.predictions"
    yield f"{head}.bias", (plan.vocabulary,)
    yield from _linear(f"{head}.transform.dense", plan.text, plan.text)
    yield from _norm(f"{head}.transform.LayerNorm", plan.text)
    yield from _linear(f"{head}.decoder", plan.vocabulary, plan.text)
    yield from _linear("replace_predict_layer.dense_layer", plan.text, plan.text)
    yield from _norm("replace_predict_layer.norm_layer", plan.text)
    yield from _linear("replace_predict_layer.predict_layer", 2, plan.text)


def _linear(prefix: str, out: int, into: int) -> Named:
    yield f"{prefix}.weight", (out, into)
    yield f"{prefix}.bias", (out,)


def _norm(prefix: str, width: int) -> Named:
    yield f"{prefix}.weight", (width,)
    yield f"{prefix}.bias", (width,)
