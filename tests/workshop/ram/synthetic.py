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


class Plan(NamedTuple):
    """What a checkpoint is made of."""

    kind: str  # ram, ram++, tag2text
    side: int = 96
    window: int = 3
    width: int = 24
    depths: tuple[int, ...] = (2, 2, 2, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    tags: int = 17
    rows: int = 5  # a tag, RAM++ only
    words: int = 32  # width of a label row
    hidden: int = 64
    inner: int = 96


FULL = {"side": 384, "window": 12, "width": 192, "depths": (2, 2, 18, 2), "heads": (6, 12, 24, 48),
        "tags": 4585, "rows": 51, "words": 512, "hidden": 768, "inner": 3072}  # fmt: skip


def layout(plan: Plan) -> Shapes:
    """Key -> shape of everything a published file has under `model`."""
    shapes = dict(_encoder(plan))
    token = plan.width * 8 if plan.kind == "tag2text" else plan.words
    for index in range(2):
        prefix = f"tagging_head.encoder.layer.{index}"
        shapes |= dict(_bert_layer(prefix, plan, token, attention=False))
    if plan.kind == "tag2text":
        shapes |= {"label_embed.weight": (plan.tags, plan.hidden)}
        shapes |= {"fc.W": (1, plan.tags, plan.hidden), "fc.b": (1, plan.tags)}
    else:
        rows = plan.rows if plan.kind == "ram++" else 1
        shapes |= {"label_embed": (plan.tags * rows, plan.words)}
        shapes |= dict(_linear("wordvec_proj", plan.hidden, plan.words))
        shapes |= dict(_linear("fc", 1, plan.hidden))
        shapes |= dict(_linear("image_proj", plan.words, plan.width * 8))
    if plan.kind == "ram++":
        return shapes | {"reweight_scale": ()}
    return shapes | dict(_captioner(plan, token))


def random_state(plan: Plan, seed: int = 0, captioner: bool = True) -> dict[str, Tensor]:
    """The layout filled: nothing at its default, tied tensors shared, the captioner one number."""
    state = {}
    for key, shape in layout(plan).items():
        if key.startswith(("tag_encoder", "text_decoder")):
            if captioner:
                tied = key.replace("tag_encoder", "tagging_head")
                state[key] = state.get(tied, torch.full((1,), 0.5).expand(shape))
        elif key.endswith("relative_position_index"):
            state[key] = torch.zeros(shape, dtype=torch.int64)  # wrong on purpose: to be rebuilt
        elif key.endswith("attn_mask"):
            state[key] = torch.full((1,), 7.0).expand(shape)  # likewise
        else:
            state[key] = _drawn(key, shape, seed)
    return state


def write(state: dict[str, Tensor], file: Path, junk: int = 0) -> Path:
    """As the training script saves: weights under `model`, an optimiser of `junk` numbers."""
    moments = {"exp_avg": torch.ones(junk), "step": 3}
    beside = {"optimizer": {"state": {0: moments}, "param_groups": [{"lr": 1e-4}]}}
    torch.save({"model": state, **beside, "config": {"image_size": 384}, "epoch": 4}, file)
    return file


def pictures(plan: Plan, count: int, seed: int = 9) -> Tensor:
    """(count, 3, side, side)"""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, plan.side, plan.side, generator=generator)


def _drawn(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))
    noise = torch.randn(shape, generator=generator)
    if key == "reweight_scale":
        return math.log(1 / 0.07) + 0.3 * noise
    if key.endswith(".bias") or key == "fc.b":
        return 0.2 * noise
    if "norm" in key.lower():
        return 1 + 0.2 * noise
    if key.endswith("relative_position_bias_table"):
        return noise  # as strong as the scores it is added to
    # Strong label queries: with weak ones every tag has nearly the same logit.
    gain = 5.0 if key.startswith(("wordvec_proj", "label_embed.")) else 1.3
    return gain * noise / math.sqrt(shape[-1] if key == "fc.W" else math.prod(shape[1:]))


def _encoder(plan: Plan) -> Iterator[tuple[str, tuple[int, ...]]]:
    first = "visual_encoder.patch_embed"
    yield f"{first}.proj.weight", (plan.width, 3, 4, 4)
    yield f"{first}.proj.bias", (plan.width,)
    yield from _norm(f"{first}.norm", plan.width)
    for stage, depth in enumerate(plan.depths):
        width, resolution = plan.width << stage, plan.side // 4 >> stage
        for block in range(depth):
            is_shifted = block % 2 == 1 and resolution > plan.window
            yield from _block(plan, stage, block, width, resolution if is_shifted else 0)
        if stage < 3:
            prefix = f"visual_encoder.layers.{stage}.downsample"
            yield f"{prefix}.reduction.weight", (2 * width, 4 * width)
            yield from _norm(f"{prefix}.norm", 4 * width)
    yield from _norm("visual_encoder.norm", plan.width * 8)


def _block(
    plan: Plan, stage: int, block: int, width: int, shifted: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    prefix, n = f"visual_encoder.layers.{stage}.blocks.{block}", plan.window**2
    if shifted:
        yield f"{prefix}.attn_mask", ((shifted // plan.window) ** 2, n, n)
    yield from _norm(f"{prefix}.norm1", width)
    table = ((2 * plan.window - 1) ** 2, plan.heads[stage])
    yield f"{prefix}.attn.relative_position_bias_table", table
    yield f"{prefix}.attn.relative_position_index", (n, n)
    yield from _linear(f"{prefix}.attn.qkv", 3 * width, width)
    yield from _linear(f"{prefix}.attn.proj", width, width)
    yield from _norm(f"{prefix}.norm2", width)
    yield from _linear(f"{prefix}.mlp.fc1", 4 * width, width)
    yield from _linear(f"{prefix}.mlp.fc2", width, 4 * width)


def _bert_layer(
    prefix: str, plan: Plan, token: int, *, attention: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    parts = [("attention", plan.hidden)] if attention else []
    for name, into in [*parts, ("crossattention", token)]:
        yield from _linear(f"{prefix}.{name}.self.query", plan.hidden, plan.hidden)
        yield from _linear(f"{prefix}.{name}.self.key", plan.hidden, into)
        yield from _linear(f"{prefix}.{name}.self.value", plan.hidden, into)
        yield from _linear(f"{prefix}.{name}.output.dense", plan.hidden, plan.hidden)
        yield from _norm(f"{prefix}.{name}.output.LayerNorm", plan.hidden)
    yield from _linear(f"{prefix}.intermediate.dense", plan.inner, plan.hidden)
    yield from _linear(f"{prefix}.output.dense", plan.hidden, plan.inner)
    yield from _norm(f"{prefix}.output.LayerNorm", plan.hidden)


def _captioner(plan: Plan, token: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, into in (("tag_encoder", token), ("text_decoder.bert", plan.hidden)):
        yield f"{name}.embeddings.position_ids", (1, 512)
        yield f"{name}.embeddings.word_embeddings.weight", (30524, plan.hidden)
        yield f"{name}.embeddings.position_embeddings.weight", (512, plan.hidden)
        yield from _norm(f"{name}.embeddings.LayerNorm", plan.hidden)
        for index in range(12):
            yield from _bert_layer(f"{name}.encoder.layer.{index}", plan, into, attention=True)
    head = "text_decoder.cls.predictions"
    yield f"{head}.bias", (30524,)
    yield from _linear(f"{head}.transform.dense", plan.hidden, plan.hidden)
    yield from _norm(f"{head}.transform.LayerNorm", plan.hidden)
    yield from _linear(f"{head}.decoder", 30524, plan.hidden)


def _linear(prefix: str, out: int, into: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}.weight", (out, into)
    yield f"{prefix}.bias", (out,)


def _norm(prefix: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}.weight", (width,)
    yield f"{prefix}.bias", (width,)
