"""Parts of the frame that a glance could go to: when each was glanced at, and what rested since."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.glance.heat import likely
from edge.glance.parts import expected, parts
from edge.memory.things import REFRESH_S, Things
from edge.records import Box
from edge.schedule.candidates import Item


class Parts:
    """Of frames of one size; none where the frame is small."""

    def __init__(self, size: tuple[int, int], input_px: int) -> None:
        self._seen_s = dict.fromkeys((part.box for part in parts(*size, input_px)), -np.inf)
        self._rested: set[Box] = set()  # of them, those where nothing moved since

    def forget(self) -> None:
        """Whatever was seen of them is out of date."""
        self._seen_s = dict.fromkeys(self._seen_s, -np.inf)

    def moved(self, is_at: Callable[[Box], bool]) -> None:
        """In which anything did, `is_at` says."""
        self._rested = {box for box in self._rested if not is_at(box)}

    def glanced(self, box: Box, at_s: float) -> None:
        self._seen_s[box] = at_s
        self._rested.add(box)

    def are_known(self, at_s: float) -> bool:
        """Did glances tell of all of them?"""
        seen_s = self._seen_s.values()
        return bool(seen_s) and all(at_s - when_s <= REFRESH_S for when_s in seen_s)

    def items(self, things: Things, at_s: float) -> list[Item]:
        """Those that were not glanced at for long, and where something moved since."""
        known = [(things.box(t, at_s), likely(t.heat)) for t in things.tracks]
        known += [(spot.box, likely(spot.heat)) for spot in things.faint.likely]
        return [
            Item(box, expected(box, known), "part")
            for box, seen_s in self._seen_s.items()
            if at_s - seen_s >= REFRESH_S and box not in self._rested
        ]
