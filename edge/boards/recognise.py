"""Which device profile suits a machine. Pure: from a snapshot of its files, recorded or not."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edge.boards.snapshot import Snapshot
from edge.errors import ConfigError

GENERIC = {"aarch64": "generic-arm", "arm64": "generic-arm"} | dict.fromkeys(
    ("x86_64", "AMD64"), "generic-x86"
)
PI = {"brcm,bcm2712": "rpi5", "brcm,bcm2711": "rpi4"}
ORIN = {"nvidia,p3701": "agx-orin", "nvidia,p3767": "orin-nano"}  # by module; p3767 is Orin NX too
NPUS = {  # PCI id -> profile, and what it is
    "8086:7d1d": ("meteor-lake-npu", "Meteor Lake"),
    "8086:ad1d": ("meteor-lake-npu", "Arrow Lake, whose NPU is Meteor Lake's"),
    "8086:643e": ("lunar-lake-npu", "Lunar Lake"),
}
HAILO = "1e60:"
NVIDIA, DISPLAY = "10de:", "03"  # a vendor, a class


class Recognised(msgspec.Struct, frozen=True):
    """A profile, and what speaks for it."""

    profile: str
    why: str
    also: tuple[str, ...] = ()  # profiles that suit as well
    hint: str = ""  # what is there and cannot be used as it is


Rule = Callable[[Snapshot], Recognised | None]


def recognise(seen: Snapshot) -> Recognised:
    """The profile for a machine: the most special that suits. Raises ConfigError for none."""
    generic = GENERIC.get(seen.machine)
    if generic is None:
        raise ConfigError(
            f"--device auto: this machine is {seen.machine!r}, expected x86_64 or aarch64",
            fix="--device FILE.toml, with a profile of your own",
        )
    found = next((known for rule in RULES if (known := rule(seen))), None)
    found = found or Recognised(generic, f"{processor(seen)}, and nothing more special")
    return msgspec.structs.replace(
        found,
        also=tuple(dict.fromkeys((*found.also, generic))),
        hint="; ".join(filter(None, (found.hint, _unused(seen, found.profile)))),
    )


def _raspberry_pi(seen: Snapshot) -> Recognised | None:
    compatible = seen.text("proc/device-tree/compatible").split()
    for chip, profile in PI.items():
        if chip in compatible:
            return Recognised(profile, f"its device tree says {_model(seen) or chip}")
    return None


def _jetson(seen: Snapshot) -> Recognised | None:
    compatible = seen.text("proc/device-tree/compatible").split()
    for board, profile in ORIN.items():
        if any(word.startswith(board) for word in compatible):
            nx = "Orin NX" in _model(seen)
            hint = "an Orin NX has more cores than an Orin Nano: the budget may be smaller"
            why = f"its device tree says {_model(seen) or board}"
            return Recognised(profile, why, hint=hint if nx else "")
    if "nvidia,tegra234" in compatible or (seen.text("etc/nv_tegra_release") and not compatible):
        why = "/etc/nv_tegra_release is there, the device tree names no module: the smaller Orin"
        return Recognised("orin-nano", why, also=("agx-orin",))
    return None


def _nvidia(seen: Snapshot) -> Recognised | None:
    card = _card(seen)
    if card is None or not _driver(seen):
        return None
    return Recognised("cuda", f"an NVIDIA GPU (PCI {card}), and its driver is loaded")


def _npu(seen: Snapshot) -> Recognised | None:
    for _, device in seen.pci():
        if device in NPUS and seen.has("dev/accel/accel"):
            profile, name = NPUS[device]
            return Recognised(profile, f"an Intel NPU (PCI {device}, {name}), and /dev/accel")
    return None


def _n100(seen: Snapshot) -> Recognised | None:
    name = processor(seen)
    for model in ("N100", "N95", "N97", "N150", "N200"):
        if name.endswith(f" {model}"):
            return Recognised("n100", f"its processor is {name}")
    return None


RULES: tuple[Rule, ...] = (_raspberry_pi, _jetson, _nvidia, _npu, _n100)


def _unused(seen: Snapshot, profile: str) -> str:
    """An accelerator that would serve, were something else in place."""
    hints = []
    if profile != "cuda" and _card(seen) and not _driver(seen):
        hints.append(f"an NVIDIA GPU (PCI {_card(seen)}) without its driver")
    for _, device in seen.pci():
        if device in NPUS and not seen.has("dev/accel/accel"):
            hints.append(f"an Intel NPU (PCI {device}) without its driver: no /dev/accel/accel0")
        if device.startswith(HAILO):
            hints.append(f"a Hailo accelerator (PCI {device}), for which there is no engine here")
    return "; ".join(hints)


def _card(seen: Snapshot) -> str | None:
    cards = (d for kind, d in seen.pci() if kind.startswith(DISPLAY) and d.startswith(NVIDIA))
    return next(cards, None)


def _driver(seen: Snapshot) -> bool:
    return bool(seen.text("proc/driver/nvidia/version")) or seen.has("dev/nvidia0")


def _model(seen: Snapshot) -> str:
    return seen.text("proc/device-tree/model")


def processor(seen: Snapshot) -> str:
    """Its name in /proc/cpuinfo; Arm's processors have none there, but for their board's."""
    for line in seen.text("proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return _model(seen) or seen.machine
