"""`edge-tag config check | show | schema | event-schema`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.config.here import missing
from edge.config.read import read
from edge.config.records import Config
from edge.config.shown import schema, toml
from edge.events.event import Event
from edge.spelling import counted

SCHEMAS = {"schema": Config, "event-schema": Event}


def lines(action: str, file: str | None) -> Iterator[str]:
    """What it says, line by line. Raises ConfigError for a file that is wrong."""
    if action in SCHEMAS:
        yield from schema(SCHEMAS[action]).splitlines()
        return
    assert file is not None  # the flags saw to it
    if action == "show":
        yield from toml(read(Path(file))).splitlines()
        return
    config = read(Path(file), missing)
    counts = (
        (len(config.cameras), "camera"),
        (len(config.heads), "head"),
        (len(config.targets), "target"),
    )
    yield f"{file}: fine: {', '.join(counted(*one) for one in counts)}"
