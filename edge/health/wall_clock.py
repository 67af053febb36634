"""Is the wall clock right? The kernel knows, whoever sets it (chrony, ntpd, systemd, PTP)."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

TIME_ERROR = 5  # what adjtimex(2) returns while the clock is not synchronised
TIMEX_BYTES = 1024  # `struct timex` has 208


def is_clock_synced() -> bool | None:
    """None where the kernel does not tell."""
    adjtimex = _adjtimex()
    if adjtimex is None:
        return None
    state = int(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))  # modes 0: it only reads
    return None if state < 0 else state != TIME_ERROR


@cache
def _adjtimex() -> Any:
    try:
        return ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError, TypeError):
        return None
