"""Which files an engine's artifact is made of, and which packages make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from quantize.errors import WorkshopError

FILES: dict[str, tuple[str, ...]] = {  # in the order the engine wants them
    "onnxruntime": ("student.onnx",),
    "openvino": ("student.xml", "student.bin"),
    "tflite": ("student.tflite",),
}
_TORCH_TO_ONNX = ("onnx", "onnxscript", "onnxslim")
EXPORTERS: dict[str, tuple[str, ...]] = {  # engine -> packages, its own to test with included
    "onnxruntime": (*_TORCH_TO_ONNX, "onnxruntime"),
    "openvino": (*_TORCH_TO_ONNX, "openvino"),
    "tflite": ("litert_torch", "ai_edge_litert"),
}


def artifact(folder: Path, engine: str) -> list[bytes]:
    """The bytes of an engine's files. Raises WorkshopError when one is missing."""
    files = [folder / name for name in FILES[engine]]
    for file in files:
        if not file.is_file():
            raise WorkshopError(
                file, "file is missing", f"the artifact of {engine}", f"--engines without {engine}"
            )
    return [file.read_bytes() for file in files]


def missing(packages: Sequence[str]) -> list[str]:
    """Those that are not installed; nothing is imported."""
    return [package for package in packages if find_spec(package) is None]


def usable(
    engines: Sequence[str], needs: Mapping[str, Sequence[str]]
) -> tuple[list[str], dict[str, str]]:
    """The engines whose packages are here; and of the others, why not, with the line that helps.

    Raises WorkshopError for an engine nobody knows, and when none is left.
    """
    engines = [engine.strip() for engine in engines]
    for engine in engines:
        if engine not in FILES:
            raise WorkshopError(
                "--engines", f"engine {engine!r} is unknown", f"of {', '.join(FILES)}", "mend it"
            )
    lacking = {engine: missing(needs[engine]) for engine in engines}
    here = [engine for engine, packages in lacking.items() if not packages]
    reasons = {
        engine: f"{', '.join(packages)} not installed: pip install 'edge-tag[quantize]'"
        for engine, packages in lacking.items()
        if packages
    }
    if not here:
        raise WorkshopError(
            "--engines",
            "; ".join(f"{engine}: {reason}" for engine, reason in reasons.items()),
            "an engine whose converter is installed",
            "pip install 'edge-tag[quantize]'",
        )
    return here, reasons
