"""Float and int8 artifacts of a network for every engine, and what each takes here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from edge.bundle.read import Bundle
from edge.engines import Engine, open_engine
from edge.errors import EdgeError
from edge.records import U8
from quantize import disk
from quantize.cost.refit import PRECISIONS
from quantize.export import Deployed, folded, write
from quantize.int8.backends import prepare
from quantize.int8.subject import Subject
from quantize.students import Network

FILES = {  # OpenVINO reads the same file, and runs a QDQ graph as fast as its own
    "onnxruntime": "student.onnx",
    "openvino": "student.onnx",
    "tflite": "student.tflite",
}

BETWEEN = "between"  # folder of what converters write; half of it, where one was killed
Key = tuple[str, str]  # engine, precision


def export(network: Network, side: int, folder: Path, engine: str) -> Path:
    """The float file of `engine`; one that is there already stays."""
    file = folder / "float" / FILES[engine]
    between = folder / BETWEEN
    for needed in (file.parent, between):
        needed.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        write(engine, Deployed(folded(network)), side, between)
        disk.write(file, (between / file.name).read_bytes())
    return file


def make_int8(network: Network, side: int, folder: Path, engine: str) -> None:
    """Likewise at int8. Its answers mean nothing: weights are random, ranges come from noise."""
    flat, rough = folded(network), folder / "int8" / FILES[engine]
    rough.parent.mkdir(parents=True, exist_ok=True)
    if not rough.exists():
        noise = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8)
        made = prepare(engine, Subject(Deployed(flat), flat), noise, folder / BETWEEN, {})
        [content] = made.build(made.methods[0])
        disk.write(rough, content)


def opened(folder: Path) -> dict[Key, Engine]:
    """What is there and loads, on one thread: TFLite refuses some networks of random weights."""
    found: dict[Key, Engine] = {}
    for precision in PRECISIONS:
        for engine, name in FILES.items():
            file = folder / precision / name
            try:
                found[engine, precision] = open_engine(engine, [file.read_bytes()], threads=1)
            except EdgeError as e:
                sys.stderr.write(f"{file}: left out: {e}\n")
    return found


def opened_bundle(bundle: Bundle) -> tuple[dict[Key, Engine], dict[Key, Engine]]:
    """The artifacts of a bundle's student, and of its glance, likewise."""
    glance = bundle.manifest.glance
    kinds = (bundle.manifest.artifacts, () if glance is None else glance.artifacts)
    student, glances = (
        {
            (a.engine, a.precision): open_engine(
                a.engine, [bundle.read(file) for file in a.files], threads=1
            )
            for a in artifacts
        }
        for artifacts in kinds
    )
    return student, glances


def timed(engines: Mapping[Key, Engine], seconds: float) -> dict[Key, float]:
    """ms of processor a picture of each, in turn for so long: the mean of the best tenth.

    What others do on this machine only ever makes a launch slower: the fast ones are the machine's.
    On one thread the processor's time is the wall's, less what others had of it.
    """
    runs: dict[Key, Callable[[], object]] = {
        key: partial(engine.run, _noise(engine)) for key, engine in engines.items()
    }
    for run in (*runs.values(), *runs.values()):
        run()
    taken: dict[Key, list[float]] = {key: [] for key in runs}
    end = perf_counter() + seconds
    while perf_counter() < end or len(next(iter(taken.values()))) < 10:
        for key, run in runs.items():
            begin = process_time()
            run()
            taken[key].append((process_time() - begin) * 1e3)
    return {key: float(np.mean(sorted(ms)[: max(1, len(ms) // 10)])) for key, ms in taken.items()}


def _noise(engine: Engine) -> U8:
    return np.random.default_rng(0).integers(0, 256, (1, *engine.input.shape[1:]), np.uint8)
