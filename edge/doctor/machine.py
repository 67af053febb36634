"""The machine: versions, room on the disk, the clock, power and heat."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import __version__
from edge.bench.host import ours
from edge.boards.recognise import recognise
from edge.boards.snapshot import Snapshot
from edge.doctor.finding import Finding, fail, ok, warn
from edge.errors import ConfigError, SinkError
from edge.health.power import Power
from edge.health.usage import free_bytes, nearest

AREA = "machine"
ROOM = "make room, or --outbox elsewhere"
LITTLE_BYTES, LEAST_BYTES = 1 << 30, 128 << 20
FIXES = {
    "under-voltage": "a stronger supply, a shorter or thicker cable",
    "capped": "a stronger supply, or a heat sink and a fan",
    "throttled": "a heat sink or a fan; --thermal 70:80, so that the budget follows",
    "hot": "a heat sink or a fan; --thermal 70:80, so that the budget follows",
}
HOT_C = 80.0


def versions() -> Iterator[Finding]:
    """Of what every answer depends on."""
    yield ok(AREA, "edge-tag", __version__)
    yield ok(AREA, "system", f"{platform.system()} {platform.release()} {platform.machine()}")
    yield ok(AREA, "python", f"{platform.python_implementation()} {platform.python_version()}")
    yield ok(AREA, "opencv", f"{cv2.__version__}; numpy {np.__version__}")
    yield ok(AREA, "msgspec", msgspec.__version__)
    yield ok(AREA, "cores", f"{len(ours())} of {os.cpu_count()} are ours")


def device(seen: Snapshot) -> Iterator[Finding]:
    """What `--device auto` would choose, and what is there that cannot be used as it is."""
    try:
        found = recognise(seen)
    except ConfigError:
        yield ok(AREA, "device", f"no profile for {seen.machine}")
        return
    yield ok(AREA, "device", f"{found.profile}: {found.why}")
    if found.hint:
        fix = "edge-tag devices tells what each needs; nothing, if it is not wanted"
        yield warn(AREA, "device", f"also here, unused: {found.hint}", fix)


def disk(state: Path) -> Iterator[Finding]:
    """Room for events, and the right to write them. state: the folder of the outbox."""
    place, free = nearest(state), free_bytes(state) or 0
    found = f"{state}: {free / 2**20:,.0f} MB are free"
    if not os.access(place, os.W_OK):
        yield fail(
            AREA, "disk", SinkError(f"{place}: may not be written to", fix="name another: --outbox")
        )
    elif free < LEAST_BYTES:
        yield fail(AREA, "disk", SinkError(found, fix=ROOM))
    elif free < LITTLE_BYTES:
        yield warn(AREA, "disk", found, ROOM)
    else:
        yield ok(AREA, "disk", found)


def clock(is_synced: bool | None) -> Iterator[Finding]:
    """Events carry the time of day."""
    if is_synced:
        yield ok(AREA, "clock", "is synchronised")
    else:
        found = "is not synchronised" if is_synced is False else "nobody knows whether it is right"
        yield warn(AREA, "clock", found, "sudo timedatectl set-ntp true, or install chrony")


def power(now: Power) -> Iterator[Finding]:
    """Power and heat, now and since the machine was started."""
    for reason in now.now:
        yield warn(AREA, reason, "the device says so now", FIXES[reason])
    for reason in now.since_boot:
        if reason not in now.now:
            yield warn(AREA, reason, "the device said so since it was started", FIXES[reason])
    hottest_c = now.hottest_c
    if hottest_c is None:
        yield ok(AREA, "temperature", "no sensor can be read")
    elif hottest_c >= HOT_C:
        yield warn(AREA, "temperature", f"{hottest_c:.0f} C", FIXES["hot"])
    else:
        yield ok(AREA, "temperature", f"{hottest_c:.0f} C")
    if not now.since_boot:
        yield ok(AREA, "throttling", "none that the device tells of")
