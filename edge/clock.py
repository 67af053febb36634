"""The wall clock, as it is written into results."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache


def utc_now() -> str:
    """Now, RFC 3339 in UTC, to the millisecond."""
    return _written(datetime.now(timezone.utc))


def rfc3339(epoch_s: float) -> str:
    """Seconds since 1970 as `utc_now` writes them."""
    return _written(datetime.fromtimestamp(round(epoch_s, 3), timezone.utc))


@lru_cache(8)  # asked once a thing of a frame
def epoch_s(time: str) -> float:
    """Seconds since 1970 of a time that `utc_now` wrote; 0 for any other text."""
    try:
        read = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return 0.0
    return read.replace(tzinfo=timezone.utc).timestamp()


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
