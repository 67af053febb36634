"""Which network a checkpoint belongs to, read off its keys and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from quantize.errors import WorkshopError
from quantize.ram.configs import ROWS_A_TAG, SHRINK, Kind, Swin, TaggerConfig
from quantize.ram.tables import side_of

State = Mapping[str, Tensor]
NAMES = {"ram": "RAM", "ram++": "RAM++", "tag2text": "Tag2Text"}
BLOCKS = re.compile(r"visual_encoder\.layers\.(\d+)\.blocks\.(\d+)\.")


def kind_of(file: Path, state: State, wanted: Kind | None) -> Kind:
    """Raises WorkshopError when it is another kind than `wanted`, or none of the three."""
    found, why = _recognised(state)
    if found is None:
        raise WorkshopError(
            file,
            f"{why}; its keys begin {', '.join(list(state)[:3])}",
            "a RAM, RAM++ or Tag2Text checkpoint",
            "give the published .pth file",
        )
    if wanted is not None and found != wanted:
        raise WorkshopError(
            file,
            f"a {NAMES[found]} checkpoint ({why})",
            f"{NAMES[wanted]}, as asked for",
            f"--teacher {found.replace('++', '_plus')}, or give a {NAMES[wanted]} file",
        )
    return found


def _recognised(state: State) -> tuple[Kind | None, str]:
    if not any(key.startswith("visual_encoder.layers.") for key in state):
        return None, "no visual_encoder.layers in it, so no Swin encoder"
    if "label_embed.weight" in state or "fc.W" in state:
        return "tag2text", "learnt label queries, and weights of their own for every tag"
    shape = tuple(state["label_embed"].shape) if "label_embed" in state else ()
    rows = shape[0] if shape else 0
    if "reweight_scale" in state:
        return "ram++", f"label_embed has {rows} rows, and there is a reweight_scale"
    if "label_embed" in state or "wordvec_proj.weight" in state:
        return "ram", f"label_embed has {rows} rows, and there is no reweight_scale"
    return None, "a Swin encoder without label_embed, so no tagger"


def config_of(file: Path, kind: Kind, state: State, image_size: int | None) -> TaggerConfig:
    """Sizes from shapes. `image_size` None: as trained. The decoder's 4 heads are in no shape."""
    shape = _Shapes(file, state)
    inner, hidden = shape("tagging_head.encoder.layer.0.intermediate.dense.weight", 2)
    return TaggerConfig(
        kind=kind,
        swin=_swin(shape, state, image_size),
        projected=0 if kind == "tag2text" else shape("image_proj.weight", 2)[0],
        hidden=hidden,
        inner=inner,
    )


def counts_of(file: Path, kind: Kind, state: State, tags: int | None) -> tuple[int, ...]:
    """Label rows a tag: 1, but for RAM++, where the rows are shared out evenly, as published."""
    rows = rows_of(file, kind, state)
    if kind != "ram++":
        _refuse_count(file, rows, tags)
        return (1,) * rows
    each = ROWS_A_TAG if tags is None else rows // max(tags, 1)
    if not each or rows % each or (tags is not None and rows != each * tags):
        raise WorkshopError(
            file,
            f"label_embed has {rows} rows",
            f"a multiple of {tags or ROWS_A_TAG}" + (" tags" if tags else " descriptions a tag"),
            "give the tag list that belongs to the checkpoint",
        )
    return (each,) * (rows // each)


def rows_of(file: Path, kind: Kind, state: State) -> int:
    """Label rows in all."""
    key = "label_embed.weight" if kind == "tag2text" else "label_embed"
    return _Shapes(file, state)(key, 2)[0]


def _refuse_count(file: Path, rows: int, tags: int | None) -> None:
    if tags is None or tags == rows:
        return
    is_plus = tags > 0 and rows == ROWS_A_TAG * tags
    raise WorkshopError(
        file,
        f"label_embed has {rows} rows"
        + (f", {ROWS_A_TAG} a tag: RAM++ without its reweight_scale" if is_plus else ""),
        f"{tags}, one for each line of the tag list",
        "give the tag list that belongs to the checkpoint",
    )


def _swin(shape: _Shapes, state: State, image_size: int | None) -> Swin:
    width = shape("visual_encoder.patch_embed.proj.weight", 4)[0]
    depths = _depths(shape.file, state)
    stages = range(len(depths))
    keys = [f"visual_encoder.layers.{i}.blocks.0.attn.relative_position_bias_table" for i in stages]
    tables = [shape(key, 2) for key in keys]
    trained = (side_of(tables[0][0]) + 1) // 2 * SHRINK
    if not trained:
        raise WorkshopError(
            shape.file,
            f"{keys[0]} has shape {tables[0]}",
            "169 rows (window 7), 529 (window 12) or another odd square",
            "download the file again",
        )
    side = trained if image_size is None else _size(image_size)
    heads = tuple(count for _, count in tables)
    return Swin(side=side, width=width, depths=depths, heads=heads, window=side // SHRINK)


def _depths(file: Path, state: State) -> tuple[int, ...]:
    found: dict[int, int] = {}
    for key in state:
        match = BLOCKS.match(key)
        if match:
            stage, block = int(match[1]), int(match[2])
            found[stage] = max(found.get(stage, 0), block + 1)
    if sorted(found) != [0, 1, 2, 3]:
        raise WorkshopError(
            file, f"stages {sorted(found)}", "the four stages of a Swin", "give the published file"
        )
    return tuple(found[stage] for stage in range(4))


def _size(image_size: int) -> int:
    if image_size < 3 * SHRINK or image_size % SHRINK:
        raise WorkshopError(
            "image size",
            f"{image_size} px",
            f"a multiple of {SHRINK} from {3 * SHRINK} on",
            "224 and 384 are the published ones",
        )
    return image_size


class _Shapes:
    """Shapes by key; a key that is missing or has other dimensions is an error that names it."""

    def __init__(self, file: Path, state: State) -> None:
        self.file = file
        self.state = state

    def __call__(self, key: str, dimensions: int) -> tuple[int, ...]:
        if key not in self.state:
            raise WorkshopError(
                self.file, f"missing: {key}", "every key of the network", "download it again"
            )
        shape = tuple(self.state[key].shape)
        if len(shape) != dimensions:
            raise WorkshopError(
                self.file, f"{key} has shape {shape}", f"{dimensions} dimensions", "another file"
            )
        return shape
