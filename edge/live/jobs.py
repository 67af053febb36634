"""Work that a page asks for and the thread that owns the tagger does, between two frames."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from queue import Empty, Full, Queue
from typing import Any, TypeVar

from edge.errors import UsageError

T = TypeVar("T")

MOST = 4  # that wait
PATIENCE_S = 20.0  # a frame may take long, results may wait for whoever reads them


class Jobs:
    """`ask` from any thread; call it, between two frames, from the one that is to do the work."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._waiting: Queue[tuple[Future[Any], Callable[[], Any]]] = Queue(MOST)

    def __call__(self) -> None:
        """Everything that waits is done; an error goes to whoever asked."""
        while True:
            try:
                future, work = self._waiting.get_nowait()
            except Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except Exception as e:  # an error of ours, or a bug: the frames go on
                future.set_exception(e)

    def ask(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises what it raises, and UsageError when its turn does not come."""
        future: Future[T] = Future()
        try:
            self._waiting.put_nowait((future, work))
            return future.result(self._patience_s)
        except Full:
            pass
        except TooLate:
            if not future.cancel():  # it is being done: it has its own end
                return future.result()
        raise UsageError(
            "the tagger is busy and did not come to it",
            fix="try again, or look whether frames come",
        )
