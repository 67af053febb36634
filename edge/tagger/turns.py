"""Threads that share a tagger, one after the other: all of them use the same memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock


class Turns:
    """Until `end`, and in the process that made them."""

    def __init__(self) -> None:
        self._lock, self._process, self._are_over = RLock(), os.getpid(), False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises ValueError where there would be no answer: after the end, and in a forked process,
        which has none of the threads and would wait for ever.
        """
        if self._is_forked:
            raise ValueError("tagger was opened before this process was forked, expected after it")
        with self._lock:
            if self._are_over:
                raise ValueError("tagger is closed, expected an open one")
            yield

    def end(self, close: Callable[[], None]) -> None:
        """And `close`, once whoever has a turn has had it. Of threads that a forked process has not
        got, the end would be waited for for ever: there everything goes with the process.
        """
        if self._is_forked:
            return
        with self._lock:
            self._are_over = True
            close()

    @property
    def _is_forked(self) -> bool:
        """Is this process a copy of the one that made them?"""
        return os.getpid() != self._process
