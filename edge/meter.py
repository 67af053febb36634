"""How long a piece of work takes, from its last few durations. Bounded."""

from __future__ import annotations

from collections import deque


class Meter:
    """The last `keep` durations, in ms, and what the next one is expected to take."""

    def __init__(self, keep: int = 64) -> None:
        self._ms: deque[float] = deque(maxlen=keep)

    def add(self, ms: float) -> None:
        self._ms.append(ms)

    def expected_ms(self, unknown_ms: float = 0.0) -> float:
        """The duration that nine of ten stayed below; `unknown_ms` before the first one.

        Not the median: a budget planned with it is passed every other time.
        """
        if not self._ms:
            return unknown_ms
        return sorted(self._ms)[(len(self._ms) - 1) * 9 // 10]
