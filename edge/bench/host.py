"""What a number is measured on: the machine, the versions, and who else is at work on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge.bench.line import Machine
from edge.sysfs import text

ROOT = Path("/")
PACKAGES = (
    "edge-tag", "numpy", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu", "openvino",
    "ai-edge-litert", "tflite-runtime",
)  # fmt: skip
FLAGS = ("neon", "asimd", "asimddp", "i8mm", "sve", "avx2", "avx512_vnni", "avx_vnni", "amx_int8")
TICKS_IDLE = (3, 4)  # of a line of /proc/stat: idle, iowait


def board(root: Path = ROOT) -> str:
    """What the firmware calls it, else its processor."""
    named = text(root / "proc/device-tree/model")
    return named or _field(text(root / "proc/cpuinfo", 1 << 16), "model name") or platform.machine()


def machine(root: Path = ROOT) -> Machine:
    """To be asked for before the first measurement: it has the load."""
    about = text(root / "proc/cpuinfo", 1 << 16)
    flags = (_field(about, "flags") or _field(about, "Features")).split()
    memory = _field(text(root / "proc/meminfo", 1 << 16), "MemTotal").split()
    governor = text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return Machine(
        processor=_field(about, "model name") or platform.processor() or platform.machine(),
        flags=tuple(flag for flag in FLAGS if flag in flags),
        cores=len(ours()),
        cores_of=os.cpu_count() or 1,
        memory_mib=int(memory[0]) // 1024 if memory else None,
        system=platform.platform(),
        governor=governor or None,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def versions() -> dict[str, str]:
    """Of what a time depends on."""
    known = {package: _version(package) for package in PACKAGES}
    here = {package: found for package, found in known.items() if found is not None}
    return {"python": platform.python_version()} | here


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def ours() -> set[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


class Others:
    """Who else works on our cores, from now on: all that were busy, less what we took ourselves.

    What a hypervisor gave to others counts as theirs.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._stat = root / "proc/stat"
        self._begin = _busy(self._stat), _own_s()

    def share(self) -> float | None:
        """0..1 of our cores since then; None where nobody counts, or less than a tick went by."""
        (busy, total), own = _busy(self._stat), _own_s()
        (was_busy, was_total), was_own = self._begin
        if total <= was_total:
            return None
        taken = busy - was_busy - (own - was_own)
        return min(1.0, max(0.0, taken / (total - was_total)))


def _busy(stat: Path) -> tuple[float, float]:
    """Seconds, over our cores: busy by anyone, and all."""
    busy = total = 0.0
    per_s = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    for line in text(stat, 1 << 20).splitlines():
        name, *words = line.split()
        if not (name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in ours()):
            continue
        ticks = [int(word) for word in words[:8]]  # guests are counted in the first two already
        total += sum(ticks) / per_s
        busy += sum(t for n, t in enumerate(ticks) if n not in TICKS_IDLE) / per_s
    return busy, total


def _own_s() -> float:
    times = os.times()
    return times.user + times.system


def _field(about: str, name: str) -> str:
    """`name : value` of the first line that has it."""
    for line in about.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return ""
