"""Machines as the files show them by which they are known. Nothing here was recorded on a board.

Written by hand after what is public: device trees of the Linux kernel and of NVIDIA's L4T, PCI ids
of pci.ids, /proc/cpuinfo and /etc/nv_tegra_release as people post them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PCI = "sys/bus/pci/devices"
MODEL, COMPATIBLE = "proc/device-tree/model", "proc/device-tree/compatible"
Files = dict[str, str]


def pci(slot: str, kind: str, vendor: str, device: str) -> Files:
    return {
        f"{PCI}/{slot}/class": f"0x{kind}\n",
        f"{PCI}/{slot}/vendor": f"0x{vendor}\n",
        f"{PCI}/{slot}/device": f"0x{device}\n",
    }


def cpu(name: str) -> Files:
    lines = (
        "processor\t: 0",
        "vendor_id\t: GenuineIntel",
        f"model name\t: {name}",
        "stepping\t: 4",
    )
    return {"proc/cpuinfo": "\n".join(lines) + "\n"}


TEGRA = {
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: "
    "aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n"
}
METEOR_NPU = pci("0000:00:0b.0", "120000", "8086", "7d1d")
LUNAR_NPU = pci("0000:00:0b.0", "120000", "8086", "643e")
NVIDIA = pci("0000:01:00.0", "030000", "10de", "1eb8")
ACCEL = {"dev/accel/accel0": ""}
METEOR = {**cpu("Intel(R) Core(TM) Ultra 7 165H"), **METEOR_NPU}

# name -> (uname -m, its files)
MACHINES: dict[str, tuple[str, Files]] = {
    "rpi4": (
        "aarch64",
        {
            MODEL: "Raspberry Pi 4 Model B Rev 1.4\0",
            COMPATIBLE: "raspberrypi,4-model-b\0brcm,bcm2711\0",
        },
    ),
    "compute-module-4": (
        "aarch64",
        {
            MODEL: "Raspberry Pi Compute Module 4 Rev 1.0\0",
            COMPATIBLE: "raspberrypi,4-compute-module\0brcm,bcm2711\0",
        },
    ),
    "rpi5": (
        "aarch64",
        {
            MODEL: "Raspberry Pi 5 Model B Rev 1.0\0",
            COMPATIBLE: "raspberrypi,5-model-b\0brcm,bcm2712\0",
        },
    ),
    "rpi5-with-hailo": (
        "aarch64",
        {
            MODEL: "Raspberry Pi 5 Model B Rev 1.1\0",
            COMPATIBLE: "raspberrypi,5-model-b\0brcm,bcm2712\0",
            **pci("0001:01:00.0", "0b4000", "1e60", "2864"),
        },
    ),
    "rpi3": (  # no profile of its own
        "aarch64",
        {
            MODEL: "Raspberry Pi 3 Model B Plus Rev 1.3\0",
            COMPATIBLE: "raspberrypi,3-model-b-plus\0brcm,bcm2837\0",
        },
    ),
    "orin-nano": (
        "aarch64",
        {
            MODEL: "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
            COMPATIBLE: "nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0",
            **TEGRA,
        },
    ),
    "orin-nx": (
        "aarch64",
        {
            MODEL: "NVIDIA Jetson Orin NX Engineering Reference Developer Kit\0",
            COMPATIBLE: "nvidia,p3768-0000+p3767-0000\0nvidia,p3767-0000\0nvidia,tegra234\0",
            **TEGRA,
        },
    ),
    "agx-orin": (
        "aarch64",
        {
            MODEL: "NVIDIA Jetson AGX Orin Developer Kit\0",
            COMPATIBLE: "nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234\0",
            **TEGRA,
        },
    ),
    "orin-in-a-container": ("aarch64", TEGRA),
    "meteor-lake": ("x86_64", METEOR | ACCEL),
    "meteor-lake-without-driver": ("x86_64", METEOR),
    "lunar-lake": ("x86_64", cpu("Intel(R) Core(TM) Ultra 7 258V") | LUNAR_NPU | ACCEL),
    "n100": ("x86_64", cpu("Intel(R) N100")),
    "gpu": (
        "x86_64",
        cpu("Intel(R) Xeon(R) CPU @ 2.20GHz") | NVIDIA | {"dev/nvidia0": "", "dev/nvidiactl": ""},
    ),
    "gpu-without-driver": ("x86_64", cpu("Intel(R) Xeon(R) CPU @ 2.20GHz") | NVIDIA),
    "pc": ("x86_64", cpu("AMD Ryzen 7 5800X 8-Core Processor")),
    "arm-server": ("aarch64", {"proc/cpuinfo": "processor\t: 0\nCPU part\t: 0xd0c\n"}),
}


def record(root: Path, files: Mapping[str, str]) -> Path:
    """`files` below `root`."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return root
