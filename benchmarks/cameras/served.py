"""Cameras and one device, played on the device's clock. Newest frames only: each camera's mailbox
holds one, as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from benchmarks.cameras.device import Device
from benchmarks.cameras.yard import FPS, HEAD, WIDE, Yard
from benchmarks.judging import judged

if TYPE_CHECKING:  # rules need peers' packages, and who only reads results has none of them
    from benchmarks.cameras.rules import Rule

PERIOD_S = 1 / FPS


class Served(msgspec.Struct, frozen=True):
    """A frame that was watched."""

    camera: int
    taken_s: float
    done_s: float
    told: frozenset[int]  # things whose tag is told where they are
    engine_ms: float


def play(device: Device, rule: Rule, yards: Sequence[Yard], seconds: float) -> list[Served]:
    """Every frame that the device came to, until `seconds`."""
    taken = [-1] * len(yards)  # number of the last frame
    now_s, served = 0.0, []
    while now_s < seconds:
        newest = [_newest(yard, now_s) for yard in yards]
        waiting = {c: yards[c].at_s(n) for c, n in enumerate(newest) if n > taken[c]}
        if not waiting:
            now_s = min(yard.at_s(last + 1) for yard, last in zip(yards, taken))
            continue
        camera = rule.next(waiting)
        if camera is None:
            now_s = min(yard.at_s(n + 1) for yard, n in zip(yards, newest))
            continue
        taken[camera] = newest[camera]
        others = partial(_is_any_newer, yards, tuple(taken), camera, device)
        frame = _watch(device, rule, yards[camera], camera, newest[camera], now_s, others)
        now_s = frame.done_s
        served.append(frame)
    return served


def _watch(
    device: Device,
    rule: Rule,
    yard: Yard,
    camera: int,
    number: int,
    now_s: float,
    is_waited_for: Callable[[], bool],
) -> Served:
    at_s, before_ms = yard.at_s(number), device.engine_ms
    device.show(now_s, yard.scene(number))
    watched = rule.watch(camera, yard.picture(number), at_s, is_waited_for)
    row = judged(number, yard.truths(at_s), watched.tags, watched.looks, {HEAD}, WIDE)
    return Served(camera, at_s, device.ended_s(), row.told, device.engine_ms - before_ms)


def _is_any_newer(yards: Sequence[Yard], taken: Sequence[int], camera: int, device: Device) -> bool:
    """Has another camera a frame by now that nobody took?"""
    now_s = device.ended_s()
    return any(_newest(y, now_s) > taken[c] for c, y in enumerate(yards) if c != camera)


def _newest(yard: Yard, now_s: float) -> int:
    """The number of its newest frame by then; -1 before the first."""
    number = int((now_s - yard.phase_s) * FPS + 1e-9)
    return number if now_s >= yard.phase_s else -1
