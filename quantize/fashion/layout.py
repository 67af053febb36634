"""The keys of the published files: which are kept, which network they are, and of what size."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from quantize.errors import WorkshopError
from quantize.fashion.configs import HEAD_WIDTH, Bert, FashionConfig, Kind, Vit

T = TypeVar("T")
State = Mapping[str, Tensor]

REASONS = (  # the first pattern that is found in a key says why the key is not kept
    (r"^\w+_m\.", "momentum twin: training only"),
    (r"_queue$|queue_ptr$", "queue of earlier vectors: training only"),
    (r"\.position_ids$", "rebuilt: places are counted"),
)
PARTS: tuple[tuple[str, Kind], ...] = (  # the first that a file has tells its kind
    ("decoder_layer.", "pretrain"),
    ("catemap_layer.", "category"),
    ("itm_head.", "retrieval"),
    ("combine_text_proj.", "tgir"),
)
NAMES = {"pretrain": "pre-training", "retrieval": "retrieval", "category": "category",
         "tgir": "text-guided retrieval"}  # fmt: skip
CROSS = re.compile(r"^text_encoder\.encoder\.layer\.(\d+)\.crossattention\.")


def sorted_out(state: Mapping[str, T]) -> tuple[dict[str, T], dict[str, str], dict[str, str]]:
    """What is kept under its name here, dropped key -> reason, renamed key -> name here.

    Files that come from ALBEF have `bert.` in the keys of their text tower.
    """
    kept: dict[str, T] = {}
    dropped: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for key, value in state.items():
        name = key.replace(".bert.", ".")
        reason = next((why for pattern, why in REASONS if re.search(pattern, name)), "")
        if reason:
            dropped[key] = reason
            continue
        kept[name] = value
        if name != key:
            renamed[key] = name
    return kept, dropped, renamed


def kind_of(file: Path, state: State, wanted: Kind | None) -> Kind:
    """Raises WorkshopError when it is another kind than `wanted`, or none of the four."""
    has_towers = "visual_encoder.pos_embed" in state and any(map(CROSS.match, state))
    found = next((kind for part, kind in PARTS if any(k.startswith(part) for k in state)), None)
    if found is None or not has_towers:
        raise WorkshopError(
            file,
            f"no network of FashionSAP; its keys begin {', '.join(list(state)[:3])}",
            f"a checkpoint for {', '.join(NAMES.values())}",
            "give the published .pth file",
        )
    if wanted is not None and found != wanted:
        raise WorkshopError(
            file,
            f"a {NAMES[found]} checkpoint",
            f"one for {NAMES[wanted]}, as asked for",
            f"ask for {found!r}, or give another file",
        )
    return found


def config_of(
    file: Path, kind: Kind, state: State, image_size: int | None, heads: int | None
) -> FashionConfig:
    """Sizes from shapes. image_size None: as trained. heads None: of the published width, 64."""
    shape = _Shapes(file, state)
    vit = _vit(shape, image_size, heads)
    bert = _bert(shape, vit.width, heads)
    is_category = kind == "category"
    return FashionConfig(
        kind,
        vit,
        bert,
        joint=0 if is_category else shape("vision_proj.weight", 2)[0],
        classes=shape("catemap_layer.2.weight", 2)[0] if is_category else 0,
        replaced=shape("replace_predict_layer.predict_layer.weight", 2)[0]
        if kind == "pretrain"
        else 0,
    )


def _vit(shape: _Shapes, image_size: int | None, heads: int | None) -> Vit:
    width, _, patch, _ = shape("visual_encoder.patch_embed.proj.weight", 4)
    tokens = shape("visual_encoder.pos_embed", 3)[1] - 1
    across = math.isqrt(tokens)
    if across * across != tokens or tokens < 1:
        raise WorkshopError(
            shape.file, f"pos_embed for {tokens} patches", "a square", "download the file again"
        )
    side = across * patch if image_size is None else image_size
    if side < patch or side % patch:
        raise WorkshopError(
            "image size", f"{side} px", f"a multiple of {patch}", "256 is the published one"
        )
    inner = shape("visual_encoder.blocks.0.mlp.fc1.weight", 2)[0]
    depth = shape.count(r"^visual_encoder\.blocks\.(\d+)\.")
    return Vit(side, patch, width, depth, heads or max(1, width // HEAD_WIDTH), inner)


def _bert(shape: _Shapes, seen: int, heads: int | None) -> Bert:
    vocabulary, width = shape("text_encoder.embeddings.word_embeddings.weight", 2)
    first = min(int(match[1]) for match in map(CROSS.match, shape.state) if match)
    return Bert(
        vocabulary=vocabulary,
        positions=shape("text_encoder.embeddings.position_embeddings.weight", 2)[0],
        width=width,
        layers=shape.count(r"^text_encoder\.encoder\.layer\.(\d+)\."),
        fused_from=first,
        heads=heads or max(1, width // HEAD_WIDTH),
        inner=shape("text_encoder.encoder.layer.0.intermediate.dense.weight", 2)[0],
        seen=seen,
    )


class _Shapes:
    """Shapes by key; a key that is missing or has other dimensions is an error that names it."""

    def __init__(self, file: Path, state: State) -> None:
        self.file = file
        self.state = state

    def __call__(self, key: str, dimensions: int) -> tuple[int, ...]:
        found = tuple(self.state[key].shape) if key in self.state else ()
        if len(found) != dimensions:
            what = f"{key} has shape {found}" if key in self.state else f"missing: {key}"
            raise WorkshopError(
                self.file, what, f"{dimensions} dimensions", "download the file again"
            )
        return found

    def count(self, pattern: str) -> int:
        """One more than the largest number at a place of the keys."""
        found = (re.match(pattern, key) for key in self.state)
        return 1 + max((int(match[1]) for match in found if match), default=-1)
