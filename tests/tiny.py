"""A bundle small enough to read: three outputs that are weighted means of the pixels.

`colours` says red, green or blue when most of the picture is, `hues` says of each whether there is
much of it. The same function as an artifact of every engine lies in contract/models, made by
make.py there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.bundle import Artifact, Golden, Head, InputSpec, Manifest
from edge.bundle.golden import golden_scores
from edge.bundle.manifest import GoldenCell, HeatArtifact, HeatMap
from edge.bundle.write import stored, write_bundle
from edge.engines import installed, open_engine
from edge.glance.looking import golden_cells
from edge.heads.attributes import FILE, Header
from edge.heads.rows import rows_bytes
from edge.heads.scores import scores
from edge.records import F32, U8, Planes

HEIGHT, WIDTH = 8, 12  # not square, so that a swap shows

# mean RGB in 0..1 -> output; (size, 3) weights and (size,) bias
LAYERS: dict[str, tuple[list[list[float]], list[float]]] = {
    "embedding": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]),
    "colours": ([[8, -4, -4], [-4, 8, -4], [-4, -4, 8], [0, 0, 0]], [0, 0, 0, 2]),
    "hues": ([[10, 0, 0], [0, 10, 0], [0, 0, 10]], [-5, -5, -5]),
}

TAGS = {
    "colours": "red\twarm\ngreen\nblue\tcold\n",
    "hues": "reddish\ngreenish\nbluish\n",
}

PAINTS: dict[str, tuple[int, int, int]] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "black": (0, 0, 0),
}

MODELS = Path(__file__).parent / "contract" / "models"

ARTIFACTS: dict[str, Sequence[str]] = {  # engine -> its files in MODELS; null's is made below
    "null": (),
    "onnxruntime": ("tiny.onnx",),
    "openvino": ("tiny.xml", "tiny.bin"),
    "tflite": ("tiny_int8.tflite",),
}


def paint(colour: str, height: int = HEIGHT, width: int = WIDTH) -> U8:
    """(height, width, 3) of one colour."""
    return np.full((height, width, 3), PAINTS[colour], np.uint8)


def i420(planes: Planes) -> Planes:
    """Planes of their own for u and v, as they are."""
    return planes


def nv12(planes: Planes) -> Planes:
    """The same frame with u and v side by side."""
    return Planes(planes.luma, (np.dstack(planes.chroma),))


def expected(output: str, pixels: U8) -> NDArray[np.float64]:
    """(N, H, W, 3) -> (N, size): what every engine must answer."""
    weights, bias = LAYERS[output]
    mean = pixels.mean(axis=(1, 2)) / 255
    return np.asarray(mean @ np.array(weights, float).T + np.array(bias, float))


def null_model() -> bytes:
    """The artifact of the null engine."""
    outputs = {name: {"weights": w, "bias": b} for name, (w, b) in LAYERS.items()}
    return json.dumps({"height": HEIGHT, "width": WIDTH, "outputs": outputs}).encode()


def artifact_files(engine: str) -> dict[str, bytes]:
    """File name in the bundle -> bytes, in the order the engine wants them."""
    if engine == "null":
        return {"null/tiny.json": null_model()}
    return {f"{engine}/{name}": (MODELS / name).read_bytes() for name in ARTIFACTS[engine]}


def tiny_heads() -> tuple[Head, ...]:
    return (
        Head(
            "colours", "softmax", stored("colours.txt", TAGS["colours"].encode()), 1.0, (0.5,), True
        ),
        Head("hues", "multilabel", stored("hues.txt", TAGS["hues"].encode()), 1.0, (0.5, 0.5, 0.6)),
    )


def tiny_parts(engines: Sequence[str] = ("null",)) -> tuple[dict[str, bytes], Manifest]:
    """What `write_bundle` takes: every file, and the manifest that names them."""
    files = {f"{name}.txt": tags.encode() for name, tags in TAGS.items()}
    artifacts = []
    for engine in engines:
        own = artifact_files(engine)
        files |= own
        named = tuple(stored(name, data) for name, data in own.items())
        artifacts.append(Artifact(engine, "int8", named, {name: name for name in LAYERS}))
    pictures = {f"golden/{colour}.png": _png(paint(colour)) for colour in PAINTS}
    golden = tuple(
        Golden(stored(name, data), {f"{engine}/int8": _golden(colour) for engine in engines})
        for colour, (name, data) in zip(PAINTS, pictures.items())
    )
    manifest = Manifest(
        schema=1,
        name="tiny",
        counter=3,
        input=InputSpec(HEIGHT, WIDTH),
        embedding_size=3,
        heads=tiny_heads(),
        artifacts=tuple(artifacts),
        golden=golden,
        trained_on=({"name": "nothing", "source": "tests/tiny.py", "licence": "Apache-2.0"},),
        recipe={"name": "by hand", "seed": 1},
    )
    return files | pictures, manifest


ROWS, COLUMNS = 2, 3  # of the tiny glance
KINDS = ("colours", "marks")


def glance_model(colour: Sequence[float] = (8, -4, -4)) -> bytes:
    """A glance for the null engine: redder frames are hotter, and the first cell is the hottest."""
    cells = ROWS * COLUMNS
    heat = [colour, (0, 0, 0)] * cells
    bias = [b for cell in range(cells) for b in (-cell / 2, -4)]
    outputs = {
        "heat": {"weights": heat, "bias": bias},
        "geometry": {"weights": [(0, 0, 0)] * 3 * cells, "bias": [0.5, 0.5, -1] * cells},
    }
    return json.dumps({"height": HEIGHT, "width": WIDTH, "outputs": outputs}).encode()


ATTRIBUTES = Header(
    1, "attributes", "tests", "0" * 64, 3,
    (("warm", "tone"), ("cool", "tone"), ("vivid", "strength")), (-14.0, -14.0, -15.0),
    (0.5, 0.5, 0.6),
)  # fmt: skip
WARM_COOL_VIVID = np.array([[20, 0, 0], [0, 0, 20], [20, 20, 20]], np.float32)  # of R, G, B
WORN = rows_bytes(ATTRIBUTES, [WARM_COOL_VIVID])


def with_attributes(
    files: Mapping[str, bytes], manifest: Manifest, data: bytes = WORN
) -> tuple[dict[str, bytes], Manifest]:
    """The parts of a tiny bundle, with attributes in it."""
    named = msgspec.structs.replace(manifest, attributes=stored(FILE, data))
    return {**files, FILE: data}, named


def with_glance(
    files: Mapping[str, bytes], manifest: Manifest
) -> tuple[dict[str, bytes], Manifest]:
    """The parts of a tiny bundle for the null engine, with a glance in it."""
    own = {"glance/tiny.json": glance_model(), "glance/golden.png": _png(paint("red"))}
    model, golden = (stored(name, data) for name, data in own.items())
    heat_map = HeatMap(InputSpec(HEIGHT, WIDTH), ROWS, COLUMNS, KINDS, (), golden, "by hand")
    artifact = HeatArtifact("null", "int8", (model,), "heat", "geometry", _golden_cells(heat_map))
    heat_map = msgspec.structs.replace(heat_map, artifacts=(artifact,))
    return {**files, **own}, msgspec.structs.replace(manifest, schema=2, glance=heat_map)


def write_glancing(folder: Path) -> Path:
    """The tiny bundle for the null engine, with a glance."""
    files, manifest = with_glance(*tiny_parts())
    write_bundle(folder, files, manifest)
    return folder


def write_tiny(folder: Path, engines: Sequence[str] = ("null",)) -> Path:
    """Write the tiny bundle with artifacts for `engines`."""
    files, manifest = tiny_parts(engines)
    write_bundle(folder, files, manifest)
    return folder


def here() -> list[str]:
    """Every engine that can run here, null included."""
    return ["null", *installed()]


def edited(folder: Path, **changes: object) -> Path:
    """Change top-level keys of a bundle's manifest. Hashes of files stay as they were."""
    file = folder / "bundle.json"
    file.write_bytes(msgspec.json.encode(json.loads(file.read_bytes()) | changes))
    return folder


def _golden(colour: str) -> Mapping[str, dict[str, float]]:
    outputs: dict[str, F32] = open_engine("null", [null_model()]).run(paint(colour)[None])
    given = {}
    for head in tiny_heads():
        names = tuple((line.split("\t")[0], None) for line in TAGS[head.name].split("\n")[:-1])
        given[head.name] = golden_scores(names, scores(head, outputs[head.name])[0])
    return given


def _golden_cells(heat_map: HeatMap) -> tuple[GoldenCell, ...]:
    outputs = open_engine("null", [glance_model()]).run(paint("red")[None])
    places = (0, 0), (heat_map.rows - 1, heat_map.columns - 1)
    return tuple(golden_cells(outputs["heat"][0], outputs["geometry"][0], heat_map, places))


def _png(rgb: U8) -> bytes:
    data: bytes = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    return data
