"""What `quantize-glance` wrote -> a glance of a bundle: heat map of the manifest, files, proof.

The golden picture is rendered here; its expected cells are what each artifact answers on this
machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge.bundle.manifest import GoldenCell, HeatArtifact, HeatMap
from edge.bundle.write import stored
from edge.engines import Engine, open_engine
from edge.glance.looking import golden_cells
from edge.pictures import pixels
from edge.records import U8, Region
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, artifact
from quantize.glance.bench import MEASURE, NAMES
from quantize.glance.course import spec_of
from quantize.glance.network import load
from quantize.glance.scenes import RENDERED
from quantize.int8 import record as records
from quantize.int8.tables import refuse

FILE = "glance.safetensors"
GOLDEN = "glance/golden.png"
GOLDEN_SEEDS = (20261122, 20261123)
GOLDEN_SIZE = (960, 540)  # px, width and height
HOT, COLD = 6, 2  # cells that prove an artifact

Files = dict[str, bytes]


def heat_map(folder: Path, engines: Sequence[str]) -> tuple[HeatMap, Files]:
    """The glance for exactly these engines, and its files.

    Raises WorkshopError when an engine has none, a file was changed, or the gate did not pass.
    """
    made = recipe.read(folder, "quantize-glance")
    record = records.verified(folder)
    refuse(record.verdict, folder, "edge-quantize quantize-glance again, in another folder")
    for engine in engines:
        if engine not in record.kept:
            raise WorkshopError(
                folder,
                f"no glance for {engine}",
                f"one for each engine of the bundle: {', '.join(engines)}",
                f"edge-quantize quantize-glance --engines {','.join(engines)}",
            )
    glance, _ = load(folder / FILE)
    counts = record.pictures["judging"]
    spec = msgspec.structs.replace(
        spec_of(glance),
        evaluation=f"spots on {counts} composed frames of things and photos not trained on",
        average_precision=made.result[MEASURE],
    )
    return _proven(spec, {engine: artifact(folder, engine) for engine in engines})


def recipe_of(folder: Path) -> dict[str, str | int | float | bool]:
    """How it was made, for the manifest's recipe."""
    _, about = load(folder / FILE)
    made = recipe.read(folder, "quantize-glance")
    said: dict[str, Any] = about | made.settings | made.result
    said |= {f"method {engine}": method for engine, method in made.result["method"].items()}
    kept = {k: v for k, v in said.items() if k != "done"}
    return {f"glance {k}": v for k, v in kept.items() if isinstance(v, (str, int, float, bool))}


def _proven(spec: HeatMap, models: dict[str, list[bytes]]) -> tuple[HeatMap, Files]:
    files: Files = {}
    artifacts = []
    golden: U8 | None = None
    for engine, data in models.items():
        names = [f"glance/{name.replace('student', 'glance')}" for name in FILES[engine]]
        own = dict(zip(names, data, strict=True))
        files |= own
        with closing(open_engine(engine, data, threads=1)) as opened:
            golden = _golden_picture(opened, spec) if golden is None else golden
            kept = tuple(stored(name, held) for name, held in own.items())
            heat, geometry = (out.name for out in opened.outputs)
            cells = _proof(opened, golden, spec)
        artifacts.append(HeatArtifact(engine, "int8", kept, heat, geometry, cells))
    assert golden is not None
    files[GOLDEN] = cv2.imencode(".png", golden[:, :, ::-1])[1].tobytes()
    return msgspec.structs.replace(
        spec, artifacts=tuple(artifacts), golden=stored(GOLDEN, files[GOLDEN])
    ), files


def _golden_picture(engine: Engine, spec: HeatMap) -> U8:
    """Of some rendered scenes the one in which this artifact sees most."""
    scenes = [RENDERED[name](seed, GOLDEN_SIZE) for seed in GOLDEN_SEEDS for name in RENDERED]
    seen = np.empty((len(scenes), spec.input.height, spec.input.width, 3), np.uint8)
    for scene, into in zip(scenes, seen):
        pixels.shrink_into(scene.pixels, Region(0, 0, *GOLDEN_SIZE, "full"), into)
    heat = [np.sort(_answers(engine, picture)[0])[-HOT] for picture in seen]
    return seen[int(np.argmax(heat))]


def _proof(engine: Engine, golden: U8, spec: HeatMap) -> tuple[GoldenCell, ...]:
    """The hottest cells, and the coldest."""
    places = product(range(spec.rows), range(spec.columns))
    cells = golden_cells(*_answers(engine, golden), spec, places)
    by_heat = sorted(cells, key=lambda cell: -max(cell.heat.values()))
    return (*by_heat[:HOT], *by_heat[HOT:][-COLD:])


def _answers(engine: Engine, picture: U8) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Heat and geometry of one picture: outputs are in the order of NAMES."""
    outputs = engine.run(picture[None])
    return [rows[0] for _, rows in zip(NAMES, outputs.values(), strict=True)]
