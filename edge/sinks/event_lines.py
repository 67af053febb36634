"""Events as JSON Lines in a file: acknowledged once they are on the disk."""

from __future__ import annotations

from collections.abc import Sequence

from edge.outbox.ledger import Owed
from edge.sinks import CarrierSite
from edge.sinks.rotating import RotatingFile, open_rotating
from edge.sinks.target import Target


class EventLines:
    """A `Carrier`. A batch is in the file whole or not at all; `seq` tells a repeated one."""

    def __init__(self, name: str, file: RotatingFile) -> None:
        self.name = name
        self._file = file

    def send(self, events: Sequence[Owed]) -> int:
        self._file.append(b"".join(event.body + b"\n" for event in events))
        return len(events)

    def tend(self) -> None:
        """Nothing to do between events."""

    def close(self) -> None:
        self._file.close()


def open_from(target: Target, site: CarrierSite) -> EventLines:
    """Raises UsageError and SinkError."""
    return EventLines(target.shown, open_rotating(target, "always"))
