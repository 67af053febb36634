"""A clock on which a virtual device takes its own time, whatever this machine takes."""

from __future__ import annotations

import time
from collections.abc import Callable


class DeviceClock:
    """Seconds. Not thread-safe: who owns the tagger owns its clock.

    Where this machine is quicker than the device, the rest is slept; where it is slower, the clock
    is put back: what is decided by it is decided as on the device, and everything takes longer.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._offset_s = 0.0
        self.put_back_s = 0.0  # in all: what this machine took more than the device would have

    def __call__(self) -> float:
        return self._now() + self._offset_s

    def stand_at(self, then_s: float) -> None:
        """It is `then_s` now."""
        early_s = then_s - self()
        if early_s > 0:
            self._sleep(early_s)
        else:
            self.put_back_s -= early_s
        self._offset_s = then_s - self._now()  # to the instant: a sleep is never exact
