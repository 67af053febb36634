"""The wall clock, as it is written into results."""

from __future__ import annotations

from datetime import datetime, timezone


def utc_now() -> str:
    """Now, RFC 3339 in UTC, to the millisecond."""
    now = datetime.now(timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
