"""How long this device takes for a launch: measured once, then followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from edge.records import Region
from edge.schedule.cost import Costs, Quantiles, after, quantiles

WARM_UP = 2  # launches: the first ones allocate
LAUNCHES = 9
# Without a budget nothing is measured; only ratios count then, and these are the usual ones.
UNKNOWN = {"focus": Quantiles(1.0, 1.0, 1.0), "glance": Quantiles(2.0, 2.0, 2.0)}


class Launcher(Protocol):
    """What can be timed."""

    @property
    def input_px(self) -> int: ...
    @property
    def has_glance(self) -> bool: ...

    def look(self, picture: Any, regions: Sequence[Region]) -> Any: ...
    def glance(self, picture: Any) -> Any: ...


class Pace:
    """The costs of one open tagger, for every camera that it serves. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._costs = Costs(UNKNOWN)
        self._is_known = False

    @property
    def slowdown(self) -> float:
        """How much slower launches are now than when they were measured."""
        return self._costs.slowdown.factor

    def measure(self, launcher: Launcher) -> None:
        """Time some launches, the first time that it is called."""
        if self._is_known:
            return
        side = 2 * launcher.input_px
        noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        part = [Region(0, 0, side, side)]
        table = {"focus": _timed(lambda: launcher.look(noise, part), self._clock)}
        if launcher.has_glance:
            table["glance"] = _timed(lambda: launcher.glance(noise), self._clock)
        self._costs, self._is_known = Costs(table), True

    def planned_ms(self, role: str) -> float:
        """What nine launches of ten stay below."""
        return self._costs.planned_ms(role)

    def stopped_ms(self, role: str) -> float:
        """What all but one of a hundred stay below."""
        return self._costs.stopped_ms(role)

    def took(self, role: str, ms: float) -> None:
        """A launch was made."""
        if self._is_known:
            self._costs = after(self._costs, role, ms)


def _timed(launch: Callable[[], object], clock: Callable[[], float]) -> Quantiles:
    for _ in range(WARM_UP):
        launch()
    taken = []
    for _ in range(LAUNCHES):
        begin = clock()
        launch()
        taken.append((clock() - begin) * 1e3)
    return quantiles(taken)
