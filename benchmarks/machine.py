"""What a number was measured on, and how it is written down."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from edge.bundle import DEFAULT, open_bundle

PACKAGES = (
    "numpy", "opencv-python-headless", "onnxruntime", "openvino", "ai-edge-litert", "sahi",
    "supervision", "torch",
)  # fmt: skip
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
QUIET = 1.2  # load a core
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def load_average() -> float:
    """Processes that want a core, averaged over a minute."""
    return os.getloadavg()[0]


def is_quiet() -> bool:
    """False when too much else is running for a time to be trusted."""
    return load_average() <= QUIET * (os.cpu_count() or 1)


def machine() -> dict[str, Any]:
    """Processor, load, versions, time of day. To be asked for before the first measurement.

    `is_quiet` is false where the load is above QUIET a core: such a result is none of a quiet
    machine, whatever it says.
    """
    if not is_quiet():
        sys.stderr.write(
            f"load is {load_average():.1f} on {os.cpu_count()} cores, expected {QUIET:g} a core or "
            "less: ratios hold roughly, times do not; the JSON says is_quiet: false\n"
        )
    known = _processor()
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": known.get("model name", platform.processor()),
        "flags": [flag for flag in FLAGS if flag in known.get("flags", "").split()],
        "cores": os.cpu_count(),
        "load": round(load_average(), 2),
        "is_quiet": is_quiet(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def about(benchmark: str, bundle: str | None) -> dict[str, Any]:
    """What a result begins with. To be asked for before the first measurement.

    bundle: the id of the one that is measured; None for a benchmark that opens none
    """
    return {"benchmark": benchmark, "machine": machine(), "commit": commit(), "bundle": bundle}


def bundle_id(where: Path = DEFAULT) -> str:
    """`name@counter`. Raises BundleError."""
    with open_bundle(where) as bundle:
        return bundle.id


def commit(checkout: Path = ROOT) -> str | None:
    """Of the sources, with "-dirty" where they were changed since; None where nobody knows."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    only_here = os.environ | {"GIT_CEILING_DIRECTORIES": str(checkout.parent)}
    try:
        said = subprocess.run(words, cwd=checkout, env=only_here, capture_output=True, text=True)
    except OSError:  # no git
        return None
    return said.stdout.strip() or None


def write_json(file: Path, found: Mapping[str, Any]) -> None:
    """Readable, numbers to four places."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(rounded(found))) + b"\n")


def rounded(found: Any) -> Any:
    """The same, floats to four places; those that are no number, or none to write, as None."""
    if isinstance(found, float):
        return round(found, 4) if abs(found) < float("inf") else None
    if isinstance(found, Mapping):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [rounded(value) for value in found]
    return found


def say_remaining(done: int, of: int, spent_s: float) -> None:
    """How long a benchmark will take, told after its first step."""
    sys.stderr.write(
        f"{done} of {of} took {spent_s:.0f} s: about {spent_s * of / done / 60:.0f} min in all\n"
    )


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
