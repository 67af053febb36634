"""A disk, or another side, that takes nothing is logged once, not each time, until it is back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from edge.errors import SinkError

log = logging.getLogger(__name__)

QUIET_S = 600.0  # between two words: a disk that is all but full takes this and not that for months
WITHOUT = "the run goes on without"
Clock = Callable[[], float]


class Outage:
    """From the first thing that `name` does not take until it takes one again; `meanwhile` says in
    the log what is done in between.
    failed, error  how often it took nothing, and why the last time; they stay
    """

    def __init__(self, name: str, meanwhile: str = WITHOUT, clock: Clock = monotonic) -> None:
        self._name, self._meanwhile, self._clock = name, meanwhile, clock
        self.is_on, self.failed, self.error = False, 0, ""
        self._is_told, self._quiet_until_s = False, -QUIET_S

    def survived(self, work: Callable[..., object], *args: object) -> bool:
        """Do `work`; False when the disk does not let it."""
        try:
            work(*args)
        except (SinkError, OSError) as e:
            self.met(str(e))
            return False
        self.over()
        return True

    def met(self, error: str) -> None:
        self.is_on, self.error, self.failed = True, error, self.failed + 1
        if not self._is_told and self._clock() >= self._quiet_until_s:
            self._is_told, self._quiet_until_s = True, self._clock() + QUIET_S
            log.error("%s; %s", error, self._meanwhile)

    def over(self) -> None:
        if self._is_told:
            log.warning("%s: is back", self._name)
        self.is_on = self._is_told = False
