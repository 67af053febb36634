"""The back ends by engine: a student in, any number of int8 files out.

To add one: a module with `prepare`, whose result has `methods` and `build`, and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from importlib import import_module
from pathlib import Path
from typing import Protocol

from edge.records import U8
from quantize.int8.subject import Subject

BACKENDS = {
    "onnxruntime": "quantize.int8.onnx_qdq",
    "openvino": "quantize.int8.ov_nncf",
    "tflite": "quantize.int8.tfl_aeq",
}
_QDQ = ("onnx", "onnxscript", "onnxslim", "onnxruntime")
PACKAGES: dict[str, tuple[str, ...]] = {  # NNCF is wanted too, and tried where it is installed
    "onnxruntime": _QDQ,
    "openvino": (*_QDQ, "openvino"),
    "tflite": ("litert_torch", "ai_edge_quantizer", "ai_edge_litert"),
}


class Backend(Protocol):
    """A float graph, and what was seen in it on the calibration pictures."""

    methods: tuple[str, ...]

    def build(self, method: str, kept: Set[str] = frozenset()) -> list[bytes]:
        """The engine's int8 files: ranges by `method`, the units `kept` in float (Hurt.unit)."""
        ...


def prepare(
    engine: str, subject: Subject, pictures: U8, folder: Path, earlier: Mapping[str, Backend]
) -> Backend:
    """Convert the subject and look at (N, H, W, 3) pictures.

    `folder` keeps what lies between and what the converters say. `earlier`: other engines' back
    ends of the same subject and pictures, whose work may be used again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = import_module(BACKENDS[engine])
    backend: Backend = module.prepare(subject, pictures, folder, earlier)
    return backend
