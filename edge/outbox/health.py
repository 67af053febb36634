"""How a sink is doing, for a page that shows it, and how long to wait before it is tried again."""

from __future__ import annotations

import msgspec

from edge.outbox.ledger import Counts

FIRST_S, LONGEST_S = 0.5, 60.0


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


def pause_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row.

    chance  0..1, by which many devices do not come back to a broker at the same moment
    """
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 20))
    return longest * (0.5 + 0.5 * chance)
