"""How large an environment is: edge-tag as pip lays it down, and what it and others ask for."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.machine import ROOT

ENGINES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "tflite": "ai-edge-litert"}
OPENCV = "opencv-python-headless"


def lay_down(folder: Path) -> Path:
    """The runtime in `folder`, compiled, as from its wheel: a checkout may hold no bytecode."""
    for name in ("edge", "quantize", "calib_data"):
        kept = {"calib_data": ["demo"], "quantize": ["weights"]}.get(name, [])
        ignored = shutil.ignore_patterns("__pycache__", *kept)
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copytree(ROOT / "devices", folder / "edge" / "devices", dirs_exist_ok=True)
    compileall.compile_dir(folder, quiet=1)
    return folder


def size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def bare_mb(engine: str) -> float:
    """An engine, OpenCV, and what they ask for."""
    return sum(map(_mb, closure([ENGINES[engine], OPENCV])))


def ours_mb(engine: str, laid_down: Path) -> float:
    """edge-tag with its extra for that engine."""
    return size_mb(laid_down) + sum(map(_mb, closure([*_own_needs(), ENGINES[engine]])))


def _own_needs() -> list[str]:
    return [need.name for need in _needs("edge-tag")]


def closure(names: Iterable[str]) -> set[str]:
    """Those distributions and all that they need, as installed here. Optional extras are not."""
    found: set[str] = set()
    waiting = [name.lower() for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [need.name.lower() for need in _needs(name)]
    return found


def _needs(name: str) -> Iterator[Requirement]:
    for text in metadata.requires(name) or ():
        need = Requirement(text)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            yield need


def _mb(name: str) -> float:
    """Its files, compiled ones included."""
    files = (Path(str(file.locate())) for file in metadata.files(name) or ())
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6
