"""What `quantize-outline` made -> the folder that a device opens: `outline.json`, models, proof."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.bundle.manifest import StoredFile
from edge.engines import open_engine
from edge.length.outline import (
    MANIFEST,
    PLANES,
    SCHEMA,
    Cell,
    Model,
    OutlineFile,
    Outliner,
    open_outline,
    read_outline,
)
from edge.length.packed import FOLDER
from edge.records import U8
from quantize import disk
from quantize.export import FILES, artifact
from quantize.fish.outlines import crops

GOLDEN = "golden.png"
GOLDEN_SEED = 20261126
PLACES = (0.1, 0.35, 0.5, 0.65, 0.9)  # of the side, down and across: cells that prove a model


def write_outline(
    folder: Path, side: int, engines: list[str], mask_ap: Mapping[str, float], evaluation: str
) -> None:
    """`outline.json` and the golden crop, beside the models that lie there."""
    golden = next(crops(GOLDEN_SEED, 1, side)).seen
    png = cv2.imencode(".png", golden[:, :, ::-1])[1].tobytes()
    disk.write(folder / GOLDEN, png)
    models = tuple(_model(folder, engine, side, golden) for engine in engines)
    made = OutlineFile(SCHEMA, "fish-outline", side, models, stored(GOLDEN, png), evaluation,
                       dict(mask_ap))  # fmt: skip
    disk.write(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(made), indent=1))


def outline_files(folder: Path) -> dict[str, bytes]:
    """What a bundle takes of such a folder. Raises BundleError for one that is not right."""
    made = read_outline(folder)
    named = [MANIFEST, made.golden.file, *(f.file for m in made.models for f in m.files)]
    files = {f"{FOLDER}/{name}": (folder / name).read_bytes() for name in dict.fromkeys(named)}
    for model in made.models:
        open_outline(folder, model.engine, threads=1).close()
    return files


def stored(name: str, data: bytes) -> StoredFile:
    """A file, hashed."""
    return StoredFile(name, len(data), hashlib.sha256(data).hexdigest())


def _model(folder: Path, engine: str, side: int, golden: U8) -> Model:
    data = artifact(folder, engine)
    files = tuple(stored(name, held) for name, held in zip(FILES[engine], data, strict=True))
    empty = Model(engine, "int8", files, ())
    opened = open_engine(engine, data, threads=1)
    with closing(Outliner(OutlineFile(SCHEMA, "fish-outline", side, (), files[0]), empty, opened,
                          golden)) as outliner:  # fmt: skip
        found = outliner.cells_of(golden)
    at = [int(share * found.shape[1]) for share in PLACES]
    cells = tuple(Cell(p, r, c, round(float(found[p, r, c]), 4))
                  for p in range(PLANES) for r in at for c in at)  # fmt: skip
    return Model(engine, "int8", files, _surest(cells))


def _surest(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Without cells at an edge, where another CPU may well say otherwise."""
    kept = tuple(cell for cell in cells if abs(cell.probability - 0.5) > 0.35)
    return kept or cells[: int(np.sqrt(len(cells)))]
