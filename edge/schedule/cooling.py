"""A device that is hot, or short of power, gets less to do. Pure, no clock, no sensor.

The budget of a frame shrinks in a straight line from `warm_c` on, to LEAST of itself at `hot_c`: a
ramp settles at some temperature between the two, where a switch would go to and fro. A device that
holds itself back (throttled, under-voltage) gets HELD at most, however cool its sensor says it is.
"""

from __future__ import annotations

from math import isfinite

import msgspec

LEAST = 0.25  # of the budget, at `hot_c` and above
HELD = 0.5  # of the budget, at most, while the device holds itself back


class Thermal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device may become, in degrees Celsius."""

    warm_c: float  # the budget shrinks from here on
    hot_c: float  # and is LEAST of itself from here on

    def __post_init__(self) -> None:
        if not (isfinite(self.warm_c) and isfinite(self.hot_c) and self.warm_c < self.hot_c):
            raise ValueError(f"thermal is {self.warm_c} to {self.hot_c}, expected it to rise, in C")


class Held(msgspec.Struct, frozen=True):
    """How a device is held back at a moment."""

    factor: float = 1.0  # of the budget, LEAST..1
    why: tuple[str, ...] = ()  # what the device says: "hot", "throttled", ...; empty: nothing


FREE = Held()


def free() -> Held:
    """Nobody watches the device: it is not held back."""
    return FREE


def budget_factor(hottest_c: float | None, is_held: bool, thermal: Thermal | None) -> float:
    """What is left of the budget, LEAST..1; never more when it is hotter.

    hottest_c  of its sensors; None: it has none
    is_held    the device holds itself back
    thermal    None: the budget stays what it is
    """
    if thermal is None:
        return 1.0
    most = HELD if is_held else 1.0
    if hottest_c is None:
        return most
    share = (hottest_c - thermal.warm_c) / (thermal.hot_c - thermal.warm_c)
    return min(most, 1.0 - (1.0 - LEAST) * min(max(share, 0.0), 1.0))
