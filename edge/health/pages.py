"""The pages of a run's health, and the server that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

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
    metrics = _metrics()
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


def _metrics() -> Any:
    """The module, which needs a package that few runs do."""
    try:
        return import_module("edge.health.metrics")
    except ModuleNotFoundError as e:
        if e.name is None or e.name.startswith("edge"):
            raise  # our own mistake, not a missing package
        raise UsageError(
            f"--health: needs the package {e.name!r}, which is not installed",
            fix="pip install 'edge-tag[health]'",
        ) from e
