"""What a board says of the energy it takes: RAPL on x86, INA sensors on a Jetson and others.

Files below a root, which a test may record. RAPL counts microjoules; an INA sensor tells volts and
amperes of the moment, or microwatts: those are asked ten times a second, by a thread that sleeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import msgspec

from edge.sysfs import number, text

ROOT = Path("/")
EVERY_S = 0.1
WHOLE = ("VDD_IN", "POM_5V_IN", "VIN_SYS_5V0")  # the rail that feeds a Jetson


class Rail(msgspec.Struct, frozen=True):
    """A sensor that tells watts."""

    name: str
    watts: Callable[[], float | None]


class Counter(msgspec.Struct, frozen=True):
    """Counters of microjoules, each of which starts again behind its range."""

    name: str
    zones: tuple[Path, ...]

    def read(self) -> list[int]:
        """Shorter than the zones where one cannot be read."""
        found = [number(zone / "energy_uj") for zone in self.zones]
        return [count for count in found if count is not None]

    def joules(self, before: list[int], after: list[int]) -> float | None:
        """Between two readings."""
        if not len(before) == len(after) == len(self.zones):
            return None
        ranges = [number(zone / "max_energy_range_uj") or 1 << 32 for zone in self.zones]
        return sum((b - a) % (most + 1) for a, b, most in zip(before, after, ranges)) / 1e6


Meter = Rail | Counter


def find_meter(root: Path = ROOT) -> Meter | None:
    """The one that covers most of the board; None where there is none, or it may not be read."""
    return _rail(root) or _rapl(root)


class Used:
    """Joules from entering until leaving; `watts` is their mean. None: the meter fell silent."""

    def __init__(self, meter: Meter, clock: Callable[[], float] = perf_counter) -> None:
        self._meter, self._clock = meter, clock
        self.source = meter.name
        self._sum, self._count = 0.0, 0  # of watts
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="energy", daemon=True)
        self.joules: float | None = None
        self.seconds = 0.0

    @property
    def watts(self) -> float | None:
        return None if self.joules is None or not self.seconds else self.joules / self.seconds

    def __enter__(self) -> Used:
        self._begin = self._clock()
        if isinstance(self._meter, Counter):
            self._first = self._meter.read()
        else:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self._clock() - self._begin
        if isinstance(self._meter, Counter):
            self.joules = self._meter.joules(self._first, self._meter.read())
            return
        self._end.set()
        self._thread.join()
        if self._count:
            self.joules = self._sum / self._count * self.seconds

    def _sample(self) -> None:
        while isinstance(self._meter, Rail):
            watts = self._meter.watts()
            if watts is not None:
                self._sum, self._count = self._sum + watts, self._count + 1
            if self._end.wait(EVERY_S):
                return


def _rapl(root: Path) -> Counter | None:
    """All packages together."""
    zones = [
        zone
        for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        if text(zone / "name").startswith("package") and number(zone / "energy_uj") is not None
    ]
    if not zones:
        return None
    return Counter(f"RAPL, {len(zones)} package(s)", tuple(zones))


def _rail(root: Path) -> Rail | None:
    rails: dict[str, Rail] = {}
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if text(chip / "name").startswith("ina"):
            rails |= _rails_of(chip)
    for name in (*WHOLE, *rails):
        if name in rails:
            return rails[name]
    return None


def _rails_of(chip: Path) -> dict[str, Rail]:
    found = {}
    for n in range(1, 4):
        name = text(chip / f"in{n}_label") or f"{text(chip / 'name')} channel {n}"
        if number(chip / f"curr{n}_input") is not None and number(chip / f"in{n}_input"):
            found[name] = Rail(name, _watts(chip / f"in{n}_input", chip / f"curr{n}_input"))
        elif number(chip / f"power{n}_input") is not None:
            found[name] = Rail(name, _microwatts(chip / f"power{n}_input"))
    return found


def _watts(millivolts: Path, milliamperes: Path) -> Callable[[], float | None]:
    def read() -> float | None:
        volts, amperes = number(millivolts), number(milliamperes)
        return None if volts is None or amperes is None else volts * amperes / 1e6

    return read


def _microwatts(file: Path) -> Callable[[], float | None]:
    def read() -> float | None:
        found = number(file)
        return None if found is None else found / 1e6

    return read
