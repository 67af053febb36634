"""The newest picture of a live source: a reader thread, and a mailbox that holds one.

A picture that nobody took before the next one came is dropped: a tagger slower than its camera sees
fewer frames, never older ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep

from edge.clock import utc_now
from edge.errors import SourceError
from edge.records import U8, Frame

SLICE_S = 0.1  # how often a wait looks up: a signal handler may set a flag, it must not take locks
PATIENCE_S = 10.0  # no picture for so long: the source is gone; the first one may take seconds


class Newest:
    """Calls `read` in a thread and keeps its last picture.

    read   blocks; a picture (H, W, 3) RGB, or None when none came this time; SourceError at the end
    where  the source's name, for frames and messages
    """

    def __init__(
        self, read: Callable[[], U8 | None], where: str, patience_s: float = PATIENCE_S
    ) -> None:
        self._read = read
        self._where = where
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._picture: U8 | None = None
        self._error: SourceError | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._fill, name=f"read {where}", daemon=True)
        self._thread.start()

    def frames(self, every_s: float, is_stopped: Callable[[], bool]) -> Iterator[Frame]:
        """The newest frame again and again, at most one each `every_s`, until `is_stopped()`.

        Raises SourceError when the source broke, or when nothing came for `patience_s`.
        """
        index = 0
        while (rgb := self.take(is_stopped)) is not None:
            due = monotonic() + every_s
            yield Frame(self._where, index, utc_now(), rgb)
            index += 1
            while (left_s := due - monotonic()) > 0 and not is_stopped():
                sleep(min(left_s, SLICE_S))

    def take(self, is_stopped: Callable[[], bool]) -> U8 | None:
        """The newest picture not taken yet, waiting for it; None once `is_stopped()`."""
        deadline = monotonic() + self._patience_s
        with self._changed:
            while not is_stopped():
                if self._picture is not None:
                    picture, self._picture = self._picture, None
                    return picture
                if self._error is not None:
                    raise self._error
                if monotonic() > deadline:
                    raise SourceError(f"{self._where}: no frame for {self._patience_s:g} s")
                self._changed.wait(SLICE_S)
        return None

    def close(self, wait_s: float = 2.0) -> bool:
        """End the thread. False when it hangs in a driver: what it reads must stay open then."""
        self._is_closing = True
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _fill(self) -> None:
        while not self._is_closing:
            try:
                picture = self._read()
            except SourceError as e:
                with self._changed:
                    self._error = e
                    self._changed.notify()
                return
            if picture is None:
                sleep(0.01)  # a dead camera answers at once, again and again
                continue
            with self._changed:
                self._picture = picture
                self._changed.notify()
