"""Memory that was freed stays with the process.

A C library hands large blocks back at once, and torch, which asks for the same ones at every step,
waits each time for the kernel to empty their pages. On a CPU a student answers 2.8 and learns 1.9
times as fast for it, for a quarter more memory: `python -m benchmarks.allocator`.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # options of glibc's malloc.h
NEVER = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # hand back the end of the heap; take a block outside it


def keep_freed() -> bool:
    """Whether the C library obeys. Only glibc has such options; elsewhere nothing changes."""
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    return tune is not None and all(tune(option, value) for option, value in NEVER.items())
