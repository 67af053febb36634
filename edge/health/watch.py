"""Looks at the board every few seconds, in a thread: a sensor may be slow, a frame may not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from edge.health.power import Power, read_power
from edge.schedule.cooling import FREE, Held, Thermal, budget_factor

log = logging.getLogger(__name__)

EVERY_S = 5.0
QUIET_S = 600.0  # between two warnings


class BoardWatch:
    """The board, as it was when it was last looked at: never older than EVERY_S, by much.

    thermal  None: the budget does not follow the heat
    """

    def __init__(
        self,
        thermal: Thermal | None = None,
        read: Callable[[], Power] = read_power,
        every_s: float = EVERY_S,
    ) -> None:
        self._thermal, self._read, self._every_s = thermal, read, every_s
        self.power, self._held = Power(), FREE
        self._quiet_until_s = 0.0
        self._end = threading.Event()
        self.look()
        self._thread = threading.Thread(target=self._work, name="watch power", daemon=True)
        self._thread.start()

    def held(self) -> Held:
        """How the device is held back."""
        return self._held

    def look(self) -> None:
        """Once, now."""
        power = self._read()
        factor = budget_factor(power.hottest_c, bool(power.now), self._thermal)
        if power.now != self._held.why:
            self._tell(power, factor)
        self.power, self._held = power, Held(factor, power.now)

    def close(self) -> None:
        self._end.set()
        self._thread.join(2.0)  # vcgencmd may hang

    def _work(self) -> None:
        while not self._end.wait(self._every_s):
            self._look_again()

    def _tell(self, power: Power, factor: float) -> None:
        """A supply that is a little too weak goes to and fro for a year: told now and then."""
        now_s = monotonic()
        level = logging.WARNING if now_s >= self._quiet_until_s else logging.DEBUG
        if level == logging.WARNING:
            self._quiet_until_s = now_s + QUIET_S
        said = ", ".join(power.now) or "no longer held back"
        log.log(level, "the device says: %s (the budget is %.0f%%)", said, factor * 100)

    def _look_again(self) -> None:
        try:
            self.look()
        except Exception:  # our bug: told, and no reason to go blind for a year
            log.exception("the power and heat of the device: a bug")
