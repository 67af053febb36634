"""A teacher that is a function of the pixels, and a student small enough to learn it in seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.records import F32, U8  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.labels.manifest import LabelManifest, LeftOut, write_manifest  # noqa: E402
from quantize.labels.shards import Shard, write_shard  # noqa: E402
from quantize.pictures import read, read_folder  # noqa: E402
from quantize.students.inverted import Plan, Stage, backbone  # noqa: E402
from quantize.students.table import STUDENTS  # noqa: E402

torch.set_num_threads(1)  # tiny networks wait for threads longer than they compute

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (40, 50, 220),
    "yellow": (230, 220, 40),
    "violet": (180, 40, 200),
    "grey": (128, 128, 128),
}
TAGS = tuple(COLOURS)
TINY = Plan(
    (Stage(3, 1, 8, 1, 2), Stage(3, 3, 16, 1, 2), Stage(3, 3, 24, 1, 2), Stage(3, 3, 32, 1, 2)),
    stem=8,
    embedding=64,
)
MIX = np.random.default_rng(5).normal(size=(len(TAGS), 8)).astype(np.float32)


STUDENTS["tiny"] = lambda: (backbone(TINY), TINY.embedding)  # 10,000 weights


def picture(seed: int, side: int = 32) -> U8:
    """A patchwork of two of the colours, everywhere, with some noise."""
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(TAGS), 2, replace=False)
    cells = draw.choice(chosen, (8, 8))
    cells[0, :2] = chosen
    rgb = np.array(list(COLOURS.values()), np.float32)[cells]
    rgb = rgb.repeat(side // 8, 0).repeat(side // 8, 1)
    return np.clip(rgb + draw.normal(0, 8, rgb.shape), 0, 255).astype(np.uint8)


def teacher(rgb: U8) -> tuple[F32, F32]:
    """(T,) logits and (8,) embedding: how much of each colour there is."""
    apart = rgb[:, :, None].astype(np.float32) - np.array(list(COLOURS.values()), np.float32)
    share = (
        np.bincount((apart**2).sum(3).argmin(2).ravel(), minlength=len(TAGS))
        / apart[..., 0, 0].size
    )
    return (20 * (share - 0.15)).astype(np.float32), (share @ MIX).astype(np.float32)


def write_pictures(folder: Path, count: int) -> Path:
    """PNG files; by their names a fifth is held out."""
    folder.mkdir(parents=True)
    for i in range(count):
        cv2.imwrite(str(folder / f"{i:03d}.png"), picture(i)[:, :, ::-1])
    return folder


def write_labels(
    images: Path,
    folder: Path,
    kind: str = "sigmoid",
    with_embedding: bool = True,
    left_out: tuple[str, ...] = (),
    zeros: int = 0,
) -> Path:
    """What the stage `label` would have written. The first `zeros` rows are empty."""
    recipe.begin(folder, "label", {"teacher": "colours", "kind": kind}, {})
    known = {s.key: s for s in read_folder(images).samples}
    gone = [LeftOut(key, "cut short") for key, s in known.items() if s.file.name in left_out]
    seen = {key: teacher(read(s)) for key, s in known.items() if s.file.name not in left_out}
    soft = {key: logits * (i >= zeros) for i, (key, (logits, _)) in enumerate(seen.items())}
    embedding = {key: feature for key, (_, feature) in seen.items()} if with_embedding else {}
    sizes = {key: known[key].file.stat().st_size for key in seen}
    write_shard(Shard(soft, embedding, gone, sizes), folder, 0)
    manifest = LabelManifest(
        teacher="colours",
        kind=kind,  # type: ignore[arg-type]
        tags=TAGS,
        thresholds=None,
        embedding=8 if with_embedding else 0,
        pictures=len(soft),
        shards=1,
        left_out=tuple(gone),
    )
    write_manifest(manifest, folder)
    recipe.finish(folder, {"pictures": len(soft)})
    return folder
