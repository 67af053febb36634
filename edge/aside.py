"""Work for one thread beside this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

try:
    from concurrent.futures import ThreadPoolExecutor
except RuntimeError:  # it wants to be told of the program's end, which was before
    ThreadPoolExecutor = None  # type: ignore[assignment, misc]

T = TypeVar("T")


class Aside:
    """A thread that starts with the first piece of work, and does one after the other."""

    def __init__(self, name: str) -> None:
        self._worker = None if ThreadPoolExecutor is None else ThreadPoolExecutor(1, name)

    def later(self, work: Callable[[], T]) -> Future[T] | None:
        """For the thread; None where Python begins nothing any more, as the program's main thread
        has ended: its other threads may work on.
        """
        if self._worker is None:
            return None
        try:
            return self._worker.submit(work)
        except RuntimeError as e:
            if "cannot schedule" not in str(e):  # but no thread could be started, for one
                raise
            return None

    def close(self) -> None:
        """End the thread, once its work is done."""
        if self._worker is not None:
            self._worker.shutdown()
