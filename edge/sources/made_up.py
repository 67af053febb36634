"""`test://belt`: a camera that does not exist, with the faults of those that do, to try things out.

    test://belt?fps=10&size=640x384&seed=1
    test://belt?freeze=60:15&vanish=90:20&resize=120:30&rubbish=45:5&silent=200:15

A fault `EVERY:LONG` comes in the last LONG of every EVERY seconds: `freeze` shows one picture,
`vanish` is unplugged, `silent` gives nothing, `resize` gives half the size, `rubbish` gives every
other frame half decoded. Discs and boxes of many colours move on a belt, with a sensor's noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic, sleep
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

from edge.errors import UsageError
from edge.pictures.planes import planes_of
from edge.records import U8, Planes
from edge.sources.faults import Lost
from edge.sources.lasting import LastingSource, lasting
from edge.sources.request import SourceRequest

FAULTS = ("freeze", "vanish", "silent", "resize", "rubbish")
KEYS = ("fps", "size", "seed", *FAULTS)
SPEED = 120.0  # px/s
NOISE = 12  # levels


class Plan(NamedTuple):
    """What the camera gives, and when it fails."""

    fps: float = 10.0
    width: int = 640
    height: int = 384
    seed: int = 0
    faults: Mapping[str, tuple[float, float]] = {}  # every so many seconds, for so long

    def has(self, fault: str, at_s: float) -> bool:
        """Is it on, so long after the start?"""
        return self.since_s(fault, at_s) is not None

    def since_s(self, fault: str, at_s: float) -> float | None:
        """When it began; None where it is not on."""
        every_s, long_s = self.faults.get(fault, (1.0, 0.0))
        begins_s = at_s // every_s * every_s + every_s - long_s
        return begins_s if long_s and at_s >= begins_s else None


class MadeUpLink:
    """An open one. began_s: when the first of them was opened; its faults go on over reconnects."""

    def __init__(self, name: str, plan: Plan, belt: U8, began_s: float) -> None:
        self._name, self._plan, self._belt, self._began_s = name, plan, belt, began_s
        self._rng = np.random.default_rng(plan.seed)
        self._due_s = monotonic()
        self._count = 0

    def read(self) -> Planes | None:
        sleep(max(0.0, self._due_s - monotonic()))
        now_s = monotonic()
        self._due_s = max(self._due_s + 1 / self._plan.fps, now_s)
        at_s = now_s - self._began_s
        check_plug(self._name, self._plan, at_s)
        if self._plan.has("silent", at_s):
            return None
        self._count += 1
        return self._frame(at_s)

    def close(self) -> None:
        """Nothing is held."""

    def _frame(self, at_s: float) -> Planes:
        plan = self._plan
        frozen_s = plan.since_s("freeze", at_s)  # over reconnects too, as a camera's own may be
        rng = self._rng if frozen_s is None else np.random.default_rng(plan.seed)
        bgr = belt_in_view(self._belt, plan, at_s if frozen_s is None else frozen_s)
        if plan.has("resize", at_s):
            bgr = np.ascontiguousarray(bgr[::2, ::2])
        stacked = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
        luma = stacked[: len(bgr)]
        luma += rng.integers(0, NOISE, luma.shape, np.uint8)  # it is far from 255 everywhere
        planes = planes_of(stacked, "I420")
        if plan.has("rubbish", at_s) and self._count % 2:
            for plane in (planes.luma, *planes.chroma):
                plane[len(plane) // 2 :] = 0
        return planes


def open_from(request: SourceRequest) -> LastingSource:
    """Raises UsageError for what is no such camera."""
    plan = plan_of(request.text)
    name = request.name
    belt, began_s = painted(plan), monotonic()

    def connect() -> MadeUpLink:
        check_plug(name, plan, monotonic() - began_s)
        return MadeUpLink(name, plan, belt, began_s)

    return lasting(request, connect)


def check_plug(name: str, plan: Plan, at_s: float) -> None:
    """Raises Lost while it is unplugged."""
    if plan.has("vanish", at_s):
        raise Lost(f"{name}: vanished, as it was told to", fix="leave vanish out of its address")


def plan_of(text: str) -> Plan:
    """Raises UsageError."""
    parts = urlsplit(text)
    if parts.netloc != "belt":
        raise UsageError(
            f"{text}: no such camera, expected test://belt", fix="edge-tag test://belt"
        )
    plan = Plan()
    try:
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            plan = _with(plan, key, value)
    except ValueError:
        raise UsageError(
            f"test://belt: {key}={value} is found, expected {', '.join(KEYS)}; faults as "
            "EVERY:LONG, in s",
            fix="test://belt?fps=10&freeze=60:15",
        ) from None
    return plan


def _with(plan: Plan, key: str, value: str) -> Plan:
    """Raises ValueError."""
    if key in FAULTS:
        return plan._replace(faults={**plan.faults, key: _times(value)})
    if key == "fps" and 0.01 <= float(value) <= 240:
        return plan._replace(fps=float(value))
    if key == "seed" and 0 <= int(value) < 2**32:
        return plan._replace(seed=int(value))
    if key == "size":
        width, height = map(int, value.split("x"))
        if 64 <= width <= 4096 and 64 <= height <= 4096 and width % 4 == height % 4 == 0:
            return plan._replace(width=width, height=height)
    raise ValueError(key)


def _times(value: str) -> tuple[float, float]:
    """`60:15`. Raises ValueError."""
    every_s, long_s = map(float, value.split(":"))
    if not 0 < long_s <= every_s <= 1e6:
        raise ValueError(value)
    return every_s, long_s


def painted(plan: Plan) -> U8:
    """A belt of which a half is seen at a time, (height, 2 width, 3) BGR: its ends meet."""
    rng = np.random.default_rng(plan.seed)
    belt = np.full((plan.height, 2 * plan.width, 3), 96, np.uint8)
    for _ in range(12):
        colour = [int(level) for level in rng.integers(30, 226, 3)]
        side = int(rng.integers(plan.height // 12, plan.height // 4))
        x = int(rng.integers(side, 2 * plan.width - side))
        y = int(rng.integers(side, plan.height - side))
        if rng.random() < 0.5:
            cv2.circle(belt, (x, y), side // 2, colour, cv2.FILLED)
        else:
            cv2.rectangle(belt, (x, y), (x + side, y + side // 2), colour, cv2.FILLED)
    return belt


def belt_in_view(belt: U8, plan: Plan, at_s: float) -> U8:
    """The part of the belt before the camera."""
    x = int(at_s * SPEED) % belt.shape[1]
    return np.ascontiguousarray(np.roll(belt, -x, axis=1)[:, : plan.width])
