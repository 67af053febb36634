"""How long to wait before a lost source is tried again: longer each time, never in step."""

from __future__ import annotations

import random

FIRST_S = 0.5
MOST_S = 30.0
LOCKED_S = 60.0  # after a refused password: many cameras lock out who tries five times
STEADY_S = 5.0  # good frames for so long: the next loss is a new one


class Pacing:
    """The pauses between the tries at one source.

    first_s, most_s  the first pause and the longest; each is drawn from its upper half
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        steady_s: float = STEADY_S,
        rng: random.Random | None = None,
    ) -> None:
        self._first_s, self._most_s, self._steady_s = first_s, most_s, steady_s
        self._rng = rng or random.Random()  # no secret: two devices must not agree
        self._tries = 0
        self._good_since_s: float | None = None

    def pause_s(self, *, is_refused: bool = False) -> float:
        """After one more failure."""
        self._good_since_s = None
        whole_s = min(self._first_s * 2.0 ** min(self._tries, 60), self._most_s)
        self._tries += 1
        if is_refused:
            whole_s = max(whole_s, LOCKED_S)
        return whole_s * self._rng.uniform(0.5, 1.0)

    def good(self, now_s: float) -> None:
        """A good frame came: after STEADY_S of them the pauses are short again."""
        if self._good_since_s is None:
            self._good_since_s = now_s
        if now_s >= self._good_since_s + self._steady_s:
            self._tries = 0
