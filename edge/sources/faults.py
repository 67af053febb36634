"""What goes wrong with a live source, by kind, and how often it did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Literal

import msgspec

from edge.errors import SourceError

Kind = Literal["lost", "timeout", "refused", "frozen", "corrupt", "resized"]
KINDS: tuple[Kind, ...] = ("lost", "timeout", "refused", "frozen", "corrupt", "resized")
QUIET_S = 600.0  # between two words about one kind: a flapping camera flaps for a year


class Lost(SourceError):
    """A live source is gone; it may come back. kind: of `KINDS`."""

    def __init__(self, message: str, *, kind: Kind = "lost", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.kind: Kind = kind


class Damaged(SourceError):
    """This picture is damaged; the next one may be whole."""


class Fault(msgspec.Struct, frozen=True):
    """A word about a live source that goes on."""

    says: str  # `where: thing is found, expected ...`
    fix: str = ""


class Faults:
    """Counted since the start. One thread counts, any may ask.

    clock  seconds, monotonic
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(KINDS, 0)
        self._told_s: dict[Kind, float] = {}
        self.reconnects = 0
        self.is_away = False  # known to give no picture now

    def count(self, kind: Kind) -> bool:
        """One more. True when it is to be told: the last of its kind that was is QUIET_S ago."""
        now_s = self._clock()
        with self._lock:
            self._counts[kind] += 1
            if now_s < self._told_s.get(kind, float("-inf")) + QUIET_S:
                return False
            self._told_s[kind] = now_s
            return True

    def counts(self) -> dict[str, int]:
        """By kind."""
        with self._lock:
            return {str(kind): count for kind, count in self._counts.items()}
