"""The files by which a board is known, read below a root: a test may record them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.sysfs import first_matches, text

ROOT = Path("/")
FILES = (
    "proc/device-tree/model",
    "proc/device-tree/compatible",
    "proc/cpuinfo",
    "proc/driver/nvidia/version",
    "etc/nv_tegra_release",
)
PCI = "sys/bus/pci/devices"
IDS = ("class", "vendor", "device")
NODES = ("dev/accel/accel[0-9]*", "dev/nvidia[0-9]*", "dev/hailo[0-9]*")  # told by their names
MOST_BYTES, MOST = 64 * 2**10, 128


class Snapshot(msgspec.Struct, frozen=True):
    """What was found: text by path, empty for a node."""

    machine: str  # as `uname -m` says it
    files: dict[str, str]

    def text(self, path: str) -> str:
        """Its words; zero bytes, which end those of a device tree, are spaces."""
        return self.files.get(path, "").replace("\0", " ").strip()

    def pci(self) -> Iterator[tuple[str, str]]:
        """(class, "vendor:device") of every PCI device, in hex."""
        for path in sorted(self.files):
            folder, _, name = path.rpartition("/")
            if folder.startswith(PCI) and name == "class":
                kind, vendor, device = (self.text(f"{folder}/{i}").removeprefix("0x") for i in IDS)
                yield kind, f"{vendor}:{device}"

    def has(self, node: str) -> bool:
        """Is there a node whose path begins so?"""
        return any(path.startswith(node) for path in self.files)


def take_snapshot(root: Path = ROOT, machine: str | None = None) -> Snapshot:
    """Of this machine, or of one that was recorded. What cannot be read is not there."""
    files = {path: text(root / path, MOST_BYTES) for path in FILES}
    for device in first_matches(root / PCI, "*", MOST):
        files |= {f"{PCI}/{device.name}/{i}": text(device / i, MOST_BYTES) for i in IDS}
    found = {path: words for path, words in files.items() if words}
    for pattern in NODES:
        folder, _, name = pattern.rpartition("/")
        found |= {f"{folder}/{node.name}": "" for node in first_matches(root / folder, name, MOST)}
    return Snapshot(machine or platform.machine(), found)
