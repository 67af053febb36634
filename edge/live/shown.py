"""Records -> what the page is told, as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.config.records import Camera
from edge.events.event import Event
from edge.health.usage import free_bytes, resident_bytes
from edge.health.vitals import Tally, Vitals
from edge.live.shots import Shot
from edge.live.window import Window
from edge.outbox.health import SinkHealth
from edge.records import FrameTags
from edge.redact import redacted
from edge.schedule.cooling import Held
from edge.seen import Looked
from edge.sinks.steady import SteadySink

MOST = 150  # tags, looks, skipped looks of a frame: more cannot be read


def _unknown(_: str) -> None:
    """No config file knows it."""


class Hosts(msgspec.Struct, frozen=True, eq=False):
    """Whom to ask how the run is doing."""

    vitals: Vitals
    held: Callable[[], Held]
    carriers: Callable[[], Sequence[SinkHealth]]
    files: Sequence[SteadySink]
    disk: Path  # where events wait
    camera: Callable[[str], Camera | None] = _unknown  # of the config file, by name


def frame(name: str, shot: Shot) -> dict[str, Any]:
    """What is drawn and listed of a frame; `name` is its source's."""
    result = shot.result
    return {
        "camera": name,
        "number": shot.number,
        "source": result.source,
        "frame": result.frame,
        "time": result.time,
        "size": result.size,
        "tags": result.tags[:MOST],
        "none": result.none[:MOST],
        "looks": [_look(one) for one in shot.looks[:MOST] if one.region.kind != "full"],
        "skipped": [{"box": s.region.box, "why": s.why} for s in shot.skipped[:MOST]],
        "spent": result.spent,
        "budget_ms": shot.budget_ms if math.isfinite(shot.budget_ms) else None,
        "age_ms": round(shot.age_ms, 1),
        "coverage": result.coverage,
        "oldest_s": result.oldest_s,
        "shed": result.shed,
        "held": _held(result),
    }


def event(event: Event) -> dict[str, Any]:
    """A line of the timeline."""
    after, before = event.after, event.before
    return {
        "type": event.type,
        "why": event.why,
        "time": after.end_time or after.frame_time,
        "camera": after.camera,
        "id": after.id,
        "label": after.label,
        "before": before.label if before is not None and before.label != after.label else None,
        "score": after.score,
    }


def health(window: Window, hosts: Hosts) -> dict[str, Any]:
    """Of the sources, of whoever gets results, of the device."""
    tallies = hosts.vitals.tallies()
    held = hosts.held()
    carriers = [_carrier(one) for one in hosts.carriers()]
    return {
        "cameras": [
            _camera(name, tallies.get(name), window, hosts.vitals) | _areas(hosts.camera(name))
            for name in window.sources()
        ],
        "sinks": [*(_file(one) for one in hosts.files), *carriers],
        "device": {
            "held": held.why,
            "budget": held.factor,
            "memory_bytes": resident_bytes(),
            "free_bytes": free_bytes(hosts.disk),
        },
        "stale_s": hosts.vitals.stale_s,
        "bundle": hosts.vitals.bundle,
        "engine": hosts.vitals.engine,
    }


def _look(look: Looked) -> dict[str, Any]:
    ms, gain = round(look.engine_ms, 1), round(look.gain, 3)
    return {"box": look.region.box, "why": look.why, "ms": ms, "gain": gain}


def _held(result: FrameTags) -> Sequence[str]:
    return () if isinstance(result.held, msgspec.UnsetType) else result.held


def _camera(name: str, tally: Tally | None, window: Window, vitals: Vitals) -> dict[str, Any]:
    """A file is no camera: it has no vitals of its own, and nothing to be late for."""
    error = redacted(window.error(name))
    if tally is None or name not in vitals.cameras:
        state = "broken" if error else "file" if window.points(name) else "waiting"
        return {"name": name, "state": state, "error": error}
    since_s = vitals.since_s(tally)
    if tally.is_off:
        state = "off"
    elif error or (tally.failed and not tally.is_up):
        state = "lost"
    elif since_s is None:
        state = "connecting"
    else:
        state = "stale" if since_s > vitals.stale_s else "live"
    return {
        "name": name,
        "state": state,
        "error": error,
        "since_s": since_s,
        "tagged": tally.tagged,
        "failed": tally.failed,
    }


def _areas(camera: Camera | None) -> dict[str, Any]:
    """Polygons of the config file; corners are shares of the frame."""
    if camera is None:
        return {}
    shown = {"zones": camera.zones, "ignore": camera.ignore, "privacy": camera.privacy}
    return {"areas": shown}


def _carrier(one: SinkHealth) -> dict[str, Any]:
    counts: Mapping[str, int] = msgspec.structs.asdict(one.counts)
    state = "failing" if one.failures or one.counts.waiting else "fine"
    return {"name": one.name, "state": state, "error": one.last_error, **counts}


def _file(one: SteadySink) -> dict[str, Any]:
    state = "failing" if one.outage.is_on else "fine"
    counts = {"sent": one.written, "dropped": one.left_out}
    return {"name": one.name, "state": state, "error": redacted(one.outage.error), **counts}
