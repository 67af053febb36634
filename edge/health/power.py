"""What a board says of its power and its heat: files below a root, which a test may record.

Raspberry Pi: the firmware's word (`get_throttled`), where it is no file from `vcgencmd`, and the
alarm of the supply (`rpi_volt`). Jetson: thermal zones, cooling devices, over-current counts.
Anything else: thermal zones, cooling devices that slow a processor, x86's counts of throttling.
Whatever cannot be read is not there: no board has all of it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.sysfs import first_matches, number, text

ROOT = Path("/")
WORD = "sys/devices/platform/soc/soc:firmware/get_throttled"
REASONS = ("under-voltage", "capped", "throttled", "hot")  # bits 0..3; since boot 16..19
SINCE_BOOT = 16
PLAUSIBLE_C = (-40.0, 150.0)
DEAF = ("pmic-die", "wifi", "nvme")  # stuck at 100 C on a Jetson; not what computes
SLOWING = ("cpufreq", "devfreq", "processor", "cpu-balanced", "gpu-balanced")


class Power(msgspec.Struct, frozen=True):
    """A board at a moment."""

    temperatures_c: dict[str, float] = {}  # by sensor
    now: tuple[str, ...] = ()  # of REASONS
    since_boot: tuple[str, ...] = ()  # likewise, at any time
    clock: float | None = None  # of its highest frequency, 0..1, the slowest core; None: unknown

    @property
    def hottest_c(self) -> float | None:
        return max(self.temperatures_c.values(), default=None)


def read_power(root: Path = ROOT, ask: Callable[[], str] | None = None) -> Power:
    """What is known now. ask: gives the line of `vcgencmd get_throttled`. Never raises."""
    word = _word(root, ask or (read_throttled if root == ROOT else str))
    now = {reason for n, reason in enumerate(REASONS) if word >> n & 1}
    before = {reason for n, reason in enumerate(REASONS) if word >> (n + SINCE_BOOT) & 1}
    if _is_short_of_volts(root):
        now.add("under-voltage")
    if _is_slowed(root):
        now.add("throttled")
    if _was_slowed(root):
        before.add("throttled")
    return Power(_temperatures(root), _sorted(now), _sorted(before | now), _clock(root))


def read_throttled() -> str:
    """`throttled=0x50005`, as the firmware of a Pi tells it; empty where there is none."""
    command = shutil.which("vcgencmd")
    if command is None:
        return ""
    try:
        ran = subprocess.run(
            [command, "get_throttled"], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return ran.stdout


def _word(root: Path, ask: Callable[[], str]) -> int:
    told = text(root / WORD) or ask().strip().rpartition("=")[2]
    try:
        return int(told, 16)
    except ValueError:
        return 0


def _temperatures(root: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for zone in first_matches(root / "sys/class/thermal", "thermal_zone*"):
        name, milli = text(zone / "type") or zone.name, number(zone / "temp")
        if milli is None or any(word in name.lower() for word in DEAF):
            continue
        if PLAUSIBLE_C[0] < milli / 1e3 < PLAUSIBLE_C[1]:
            found[f"{name}-{zone.name[12:]}" if name in found else name] = milli / 1e3
    return found


def _is_short_of_volts(root: Path) -> bool:
    return any(
        text(chip / "name") == "rpi_volt" and number(chip / "in0_lcrit_alarm") == 1
        for chip in first_matches(root / "sys/class/hwmon", "hwmon*")
    )


def _is_slowed(root: Path) -> bool:
    return any(
        any(word in text(device / "type").lower() for word in SLOWING)
        and (number(device / "cur_state") or 0) > 0
        for device in first_matches(root / "sys/class/thermal", "cooling_device*")
    )


def _was_slowed(root: Path) -> bool:
    counts = [
        *first_matches(
            root / "sys/devices/system/cpu", "cpu[0-9]*/thermal_throttle/core_throttle_count"
        ),
        *first_matches(root / "sys/class/hwmon", "hwmon*/oc*_event_cnt"),
    ]
    return any((number(count) or 0) > 0 for count in counts)


def _clock(root: Path) -> float | None:
    shares = []
    for policy in first_matches(root / "sys/devices/system/cpu/cpufreq", "policy*"):
        now, most = number(policy / "scaling_cur_freq"), number(policy / "cpuinfo_max_freq")
        if now is not None and most:
            shares.append(min(now / most, 1.0))
    return min(shares, default=None)


def _sorted(reasons: set[str]) -> tuple[str, ...]:
    return tuple(reason for reason in REASONS if reason in reasons)
