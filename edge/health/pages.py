"""The pages of a run's health, and the server that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge import extras
from edge.errors import UsageError
from edge.health.address import Door
from edge.health.server import HealthServer, Pages
from edge.health.serving import Page, as_json
from edge.health.vitals import Vitals
from edge.health.watch import BoardWatch
from edge.outbox.health import FileHealth, SinkHealth
from edge.sources.newest import Newest


def open_server(
    door: Door,
    vitals: Vitals,
    watch: BoardWatch,
    sinks: Callable[[], Sequence[SinkHealth]],
    disk: Path,
    cameras: Mapping[str, Newest],
    files: Callable[[], Sequence[FileHealth]],
    events: Callable[[], Mapping[str, int]],
) -> HealthServer:
    """Raises UsageError when the address is not to be had, or prometheus-client is not here."""
    metrics = extras.load("edge.health.metrics", "health", "--health", UsageError)
    counted = metrics.Metrics(vitals, watch, sinks, disk, cameras, files, events)

    def ready() -> Page:
        why = vitals.why_not_ready()
        return as_json(503 if why else 200, ready=not why, why=why)

    pages: Pages = {
        "/healthz": lambda: as_json(200, alive=True),
        "/readyz": ready,
        "/metrics": lambda: Page(200, metrics.CONTENT_TYPE, counted.text()),
    }
    return HealthServer(door, pages)
