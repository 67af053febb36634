"""Boards as their sysfs shows them, written below a folder. By hand, after documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

THERMAL, CPU, HWMON = "sys/class/thermal", "sys/devices/system/cpu", "sys/class/hwmon"
FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"

PI: dict[str, str] = {
    FIRMWARE: "0",
    f"{THERMAL}/thermal_zone0/type": "cpu-thermal",
    f"{THERMAL}/thermal_zone0/temp": "48686",
    f"{THERMAL}/cooling_device0/type": "pwm-fan",  # it runs: that is no throttling
    f"{THERMAL}/cooling_device0/cur_state": "2",
    f"{CPU}/cpufreq/policy0/scaling_cur_freq": "1500000",
    f"{CPU}/cpufreq/policy0/cpuinfo_max_freq": "2400000",
    f"{HWMON}/hwmon1/name": "rpi_volt",
    f"{HWMON}/hwmon1/in0_lcrit_alarm": "0",
}
JETSON: dict[str, str] = {
    f"{THERMAL}/thermal_zone0/type": "CPU-therm",
    f"{THERMAL}/thermal_zone0/temp": "71500",
    f"{THERMAL}/thermal_zone1/type": "GPU-therm",
    f"{THERMAL}/thermal_zone1/temp": "69000",
    f"{THERMAL}/thermal_zone2/type": "PMIC-Die",  # says so for ever
    f"{THERMAL}/thermal_zone2/temp": "100000",
    f"{THERMAL}/thermal_zone3/type": "AO-therm",  # an error instead of a number
    f"{THERMAL}/thermal_zone3/temp": "",
    f"{THERMAL}/thermal_zone4/type": "PLL-therm",
    f"{THERMAL}/thermal_zone4/temp": "-256000",  # switched off
    f"{THERMAL}/cooling_device0/type": "thermal-cpufreq-0",
    f"{THERMAL}/cooling_device0/cur_state": "0",
    f"{CPU}/cpufreq/policy0/scaling_cur_freq": "1479000",
    f"{CPU}/cpufreq/policy0/cpuinfo_max_freq": "1479000",
    f"{HWMON}/hwmon3/oc1_event_cnt": "0",
}
PC: dict[str, str] = {
    f"{THERMAL}/thermal_zone0/type": "acpitz",
    f"{THERMAL}/thermal_zone0/temp": "27800",
    f"{THERMAL}/thermal_zone1/type": "acpitz",
    f"{THERMAL}/thermal_zone1/temp": "29800",
    f"{THERMAL}/thermal_zone2/type": "x86_pkg_temp",
    f"{THERMAL}/thermal_zone2/temp": "55000",
    f"{THERMAL}/thermal_zone3/type": "iwlwifi_1",
    f"{THERMAL}/thermal_zone3/temp": "88000",
    f"{THERMAL}/cooling_device0/type": "Processor",
    f"{THERMAL}/cooling_device0/cur_state": "0",
    f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "0",
    f"{CPU}/cpu1/thermal_throttle/core_throttle_count": "0",
}


def record(root: Path, board: Mapping[str, str], **changed: str) -> Path:
    """`board` below `root`, with other contents of some files, by a part of their path."""
    for name, text in board.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", "ascii")
    for part, text in changed.items():
        [name] = [n for n in board if n.replace("/", "_").replace(":", "_").endswith(part)]
        (root / name).write_text(text + "\n", "ascii")
    return root
