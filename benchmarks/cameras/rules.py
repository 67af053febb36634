"""Who is served next, and how its frame is watched, with one device for all cameras.

ours         edge-tag's shares: a round serves each camera that waits, out of one pool
independent  edge-tag once for each camera, a fixed part of the pool each, used or not
round_robin  edge-tag on each camera in turn, each frame with the whole pool
fifo         edge-tag on the frame that waits longest, as long as it takes
frigate      Frigate's looks on the frame that waits longest: one queue to one detector
tiling       tiles of 640 px on each camera in turn
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Protocol

from msgspec.structs import replace

from benchmarks.cameras.device import Device
from benchmarks.cameras.yard import FPS
from benchmarks.watchers import Watched
from benchmarks.watchers import edge_tag as ours
from benchmarks.watchers.frigate_16_looks import Frigate16Looks
from benchmarks.watchers.full_tiling import FullTiling
from edge.frames import tag_frame, useful_ms
from edge.memory.known import Memory
from edge.records import Budget, Planes
from edge.schedule.shares import Turn, next_turn, settled, shared
from edge.seen import View

POOL_MS = 1e3 / FPS  # of all cameras together: the time between two frames of each
POOLED = View(budget=Budget(POOL_MS))

Waiting = Mapping[int, float]  # camera -> when the frame that waits was taken


class Rule(Protocol):
    """One device's."""

    def next(self, waiting: Waiting) -> int | None:
        """Which camera is served now; None: nobody, before another frame has come."""
        ...

    def watch(
        self, camera: int, picture: Planes, at_s: float, is_waited_for: Callable[[], bool]
    ) -> Watched:
        """Its newest frame; while it is watched, another one's may come."""
        ...


class Ours:
    """As `edge.pipeline` does with several cameras."""

    def __init__(self, device: Device, cameras: int) -> None:
        self._device, self._pasts = device, [Memory() for _ in range(cameras)]
        self._shares = shared(cameras, POOL_MS)
        self._turn: Turn | None = None

    def next(self, waiting: Waiting) -> int | None:
        self._shares = replace(self._shares, useful_ms=useful_ms(self._device, POOLED))
        came = {camera: int(at_s * FPS + 1e-6) + 1 for camera, at_s in waiting.items()}
        self._shares, self._turn = next_turn(self._shares, came)
        return None if self._turn is None else self._turn.camera

    def watch(
        self, camera: int, picture: Planes, at_s: float, is_waited_for: Callable[[], bool]
    ) -> Watched:
        assert self._turn is not None
        turn, device, past = self._turn, self._device, self._pasts[camera]
        budget = Budget(turn.allowed_ms, exploring_ms=turn.exploring_ms, sure_ms=turn.sure_ms)
        view = View(budget=budget)
        seen = tag_frame(device, picture, view, past, device.clock, at_s, is_waited_for)
        spent_ms = seen.spent.total_ms
        self._shares = settled(self._shares, turn, spent_ms, wants_more=bool(seen.skipped))
        return ours.watched(seen)


class Alike:
    """edge-tag with the same budget for every frame."""

    def __init__(
        self, device: Device, cameras: int, budget_ms: float, choose: Callable[[Waiting], int]
    ) -> None:
        self._device, self._pasts = device, [Memory() for _ in range(cameras)]
        self._view = View(budget=Budget(budget_ms))
        self.next = choose

    def watch(
        self, camera: int, picture: Planes, at_s: float, is_waited_for: Callable[[], bool]
    ) -> Watched:
        device, past = self._device, self._pasts[camera]
        return ours.watched(tag_frame(device, picture, self._view, past, device.clock, at_s))


class Peer:
    """A watcher of benchmark C for each camera."""

    def __init__(
        self, device: Device, cameras: int, kind: Any, choose: Callable[[Waiting], int]
    ) -> None:
        self._watchers = [kind(device) for _ in range(cameras)]
        self.next = choose

    def watch(
        self, camera: int, picture: Planes, at_s: float, is_waited_for: Callable[[], bool]
    ) -> Watched:
        watched: Watched = self._watchers[camera].frame(picture, at_s)
        return watched


def longest_waiting(waiting: Waiting) -> int:
    return min(waiting, key=lambda camera: (waiting[camera], camera))


class InTurn:
    """The next one after the last, of those that wait."""

    def __init__(self) -> None:
        self._last = -1

    def __call__(self, waiting: Waiting) -> int:
        later = [camera for camera in sorted(waiting) if camera > self._last]
        self._last = later[0] if later else min(waiting)
        return self._last


RULES: dict[str, Callable[[Device, int], Rule]] = {
    "ours": Ours,
    "independent": lambda device, n: Alike(device, n, POOL_MS / n, longest_waiting),
    "round_robin": lambda device, n: Alike(device, n, POOL_MS, InTurn()),
    "fifo": lambda device, n: Alike(device, n, inf, longest_waiting),
    "frigate": lambda device, n: Peer(device, n, Frigate16Looks, longest_waiting),
    "tiling": lambda device, n: Peer(device, n, FullTiling, InTurn()),
}
