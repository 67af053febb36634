"""What one frame has spent of its budget, and whether another launch still fits."""

from __future__ import annotations

from collections.abc import Callable

from edge.records import Budget
from edge.schedule.pace import Pace

STARVED_S = 1.0  # without any launch: then one is made, whatever the budget says


def nobody() -> bool:
    """No other camera waits."""
    return False


class Spending:
    """One frame's."""

    def __init__(
        self,
        budget: Budget,
        tail_ms: float,
        idle_s: float,
        pace: Pace,
        clock: Callable[[], float],
        start_s: float,
        is_waited_for: Callable[[], bool] = nobody,
    ) -> None:
        """tail_ms        what a frame takes after its last launch
        idle_s         since anything was launched for this camera
        start_s        when the frame began, on `clock`
        is_waited_for  whether another camera waits: then no launch ends after `budget.sure_ms`
        """
        self._start_s = self._ended_s = start_s
        self._clock, self._pace = clock, pace
        self._limit_ms, self._sure_ms = budget.frame_ms - tail_ms, budget.sure_ms
        self._is_waited_for = is_waited_for
        self._is_starved = idle_s >= STARVED_S
        self.engine_ms = 0.0

    @property
    def ms(self) -> float:
        """Spent so far."""
        return (self._clock() - self._start_s) * 1e3

    @property
    def left_ms(self) -> float:
        """Left for launches."""
        return self._limit_ms - self.ms

    @property
    def is_waited_for(self) -> bool:
        """Has another camera a frame?"""
        return self._is_waited_for()

    @property
    def tail_ms(self) -> float | None:
        """Since the last launch; None: there was none."""
        has_any = self._ended_s > self._start_s
        return (self._clock() - self._ended_s) * 1e3 if has_any else None

    def launched(self, role: str, begin_ms: float, engine_ms: float) -> None:
        """A launch has ended, right now, that began when `ms` was `begin_ms`."""
        self.engine_ms += engine_ms
        self._ended_s = self._clock()
        self._pace.took(role, (self._ended_s - self._start_s) * 1e3 - begin_ms)
        self._is_starved = False

    def rested(self) -> None:
        """What was done since the last launch does not count as its tail."""
        if self._ended_s > self._start_s:
            self._ended_s = self._clock()

    def fits(self, role: str) -> bool:
        """Whether a launch would end within the budget; or has to be made all the same."""
        return self._is_starved or self.has_time_for(role)

    def should_fit(self, role: str) -> bool:
        """Whether nine launches of ten would: what is made rarely may be late now and then."""
        return self.ms + self._pace.planned_ms(role) <= self._limit_ms and not self._is_waited_for()

    def has_time_for(self, *roles: str) -> bool:
        """Whether launches, one after the other, would end within the budget."""
        so_far_ms, more_ms = self.ms, sum(self._pace.stopped_ms(role) for role in roles)
        if so_far_ms + more_ms > self._limit_ms:
            return False
        return so_far_ms + more_ms <= self._sure_ms or not self._is_waited_for()
