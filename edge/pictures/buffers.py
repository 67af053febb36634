"""Arrays for frames, used again once nobody holds them.

A 4K frame of RGB is 25 MB: asked of the system anew for each frame, most of the time it takes to
copy one goes into getting the memory.
"""

from __future__ import annotations

from sys import getrefcount

import numpy as np

from edge.records import U8

MOST = 4  # of one source: being read, waiting in the mailbox, being tagged, and one to spare


class Buffers:
    """Not thread-safe: one reader owns them. What they give may go to any thread, and be kept."""

    def __init__(self) -> None:
        self._held: list[U8] = []

    def array(self, *shape: int) -> U8:
        """One that nobody holds, nor any part of it, with anything in it.

        Whoever keeps all of them gets fresh ones; no more than MOST are ever kept here.
        """
        self._held = [held for held in self._held if held.shape == shape]
        for n in range(len(self._held)):
            # the list's own reference and the argument's; a view of a part counts as one more
            if getrefcount(self._held[n]) <= 2:
                return self._held[n]
        self._held = [*self._held[1 - MOST :], np.empty(shape, np.uint8)]
        return self._held[-1]
