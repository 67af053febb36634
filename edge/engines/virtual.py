"""A board that is not here: a real engine's answers, and the time that the board is predicted to
take. What is around a launch (reading, cutting, fusing) takes this machine's time.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.boards.clock import DeviceClock
from edge.engines import Engine
from edge.records import F32, U8


class VirtualEngine:
    """Owns the engine that answers."""

    name = "virtual"

    def __init__(
        self, device: str, answering: Engine, launch_ms: Callable[[int], float], clock: DeviceClock
    ) -> None:
        """launch_ms: of a batch, on the device."""
        self.provider = f"{device}, predicted (answers: {answering.name}/{answering.provider})"
        self.input, self.outputs = answering.input, answering.outputs
        self._answering, self._launch_ms, self._clock = answering, launch_ms, clock

    def run(self, batch: U8) -> dict[str, F32]:
        begin = self._clock()
        answer = self._answering.run(batch)
        self._clock.stand_at(begin + self._launch_ms(len(batch)) / 1e3)
        return answer

    def close(self) -> None:
        self._answering.close()
