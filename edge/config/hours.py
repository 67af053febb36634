"""Whether a camera is on, by its schedule and the local time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from edge.config.records import DAYS, Hours


def local_now() -> datetime:
    """Where the machine is now: a ship crosses time zones, and Python reads its zone but once."""
    if hasattr(time, "tzset"):  # not on Windows
        time.tzset()
    return datetime.now()


def is_on(schedule: Sequence[Hours], now: datetime) -> bool:
    """Without a schedule always. now: local time."""
    return not schedule or any(_holds(hours, now) for hours in schedule)


def _holds(hours: Hours, now: datetime) -> bool:
    start, end, at = _minutes(hours.start), _minutes(hours.end), now.hour * 60 + now.minute
    today, yesterday = DAYS[now.weekday()], DAYS[now.weekday() - 1]
    if start < end:
        return today in hours.days and start <= at < end
    return (today in hours.days and at >= start) or (yesterday in hours.days and at < end)


def _minutes(text: str) -> int:
    """`08:30` -> since midnight."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
