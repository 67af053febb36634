"""How a sink is doing, for a page that shows it."""

from __future__ import annotations

import msgspec

from edge.outbox.ledger import Counts


class SinkHealth(msgspec.Struct, frozen=True):
    """Of one sink. What is counted is counted over restarts."""

    name: str  # its address, without credentials
    counts: Counts
    failures: int = 0  # in a row; 0: all is well
    last_error: str = ""  # without credentials; stays after all is well again


class FileHealth(msgspec.Struct, frozen=True):
    """Of one sink that writes files itself. Counted since the start."""

    name: str
    written: int  # frames, or pictures
    left_out: int  # for which there was no room
    removed: int = 0  # by retention
