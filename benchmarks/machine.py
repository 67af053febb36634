"""What a number was measured on."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "openvino", "ai-edge-litert",
            "sahi", "supervision")  # fmt: skip
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
QUIET = 1.2  # load a core


def load() -> float:
    """Processes that want a core, averaged over a minute."""
    return os.getloadavg()[0]


def is_quiet() -> bool:
    """False when too much else is running for a time to be trusted."""
    return load() <= QUIET * (os.cpu_count() or 1)


def machine() -> dict[str, Any]:
    """Processor, load, versions, time of day."""
    known = _processor()
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": known.get("model name", platform.processor()),
        "flags": [flag for flag in FLAGS if flag in known.get("flags", "").split()],
        "cores": os.cpu_count(),
        "load": round(load(), 2),
        "is_quiet": is_quiet(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _processor() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
