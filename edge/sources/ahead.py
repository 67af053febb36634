"""Files read ahead: one frame is decoded while another is tagged, and the first one while all that
tags it is still being opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from edge.errors import SourceError
from edge.records import Frame
from edge.sources import Source, never
from edge.sources.newest import broken

T = TypeVar("T")

SLICE_S = 0.1  # how often a wait looks up
LAST_S = 2.0  # for the reader to end: it may hang in a file system


class _End(Exception):
    """The frames are over."""


class Ahead(Generic[T]):
    """Frames, in their order, read from now on in a thread of their own: one, and the next once it
    was taken. To be closed, which ends the thread.
    """

    def __init__(self, frames: Iterator[T]) -> None:
        self._box: SimpleQueue[T | BaseException] = SimpleQueue()
        self._room, self._closing = threading.Semaphore(), threading.Event()
        self._bells: list[threading.Event] = []
        job = frames, self._box, self._room, self._closing, self._bells
        self._reader = threading.Thread(target=_fill, args=job, name="read", daemon=True)
        self._reader.start()

    def taken(self, is_stopped: Callable[[], bool]) -> Generator[T, None, None]:
        """Ends with the frames, or once stopped: what was read ahead is then not given out. What
        they raise is raised here, when its turn comes.
        """
        while not is_stopped():
            try:
                found = self._box.get(timeout=SLICE_S)
            except Empty:
                continue
            if isinstance(found, _End):
                return
            if isinstance(found, BaseException):
                raise found
            self._room.release()
            yield found
            del found  # 25 MB at 4K: it is not to be held while the next one is waited for

    def ring(self, bell: threading.Event) -> None:
        """Set `bell` from now on when something was read."""
        self._bells.append(bell)
        bell.set()

    @property
    def is_ready(self) -> bool:
        """Is there something to take, or the end?"""
        return not self._box.empty()

    def close(self) -> None:
        self._closing.set()
        self._room.release()
        self._reader.join(LAST_S)


class Beside:
    """Files beside cameras, as a mailbox: it holds their next frame, and drops none.

    number  of the source whose frame was taken last
    """

    where = "files"

    def __init__(self, ahead: Ahead[tuple[int, Frame]]) -> None:
        self._ahead, self._frames = ahead, ahead.taken(never)
        self.number = self.given = 0
        self.is_over = False

    def ring(self, bell: threading.Event) -> None:
        self._ahead.ring(bell)

    @property
    def is_ready(self) -> bool:
        return self._ahead.is_ready

    @property
    def came(self) -> int:
        return self.given + self.is_ready

    def take(self) -> Frame | None:
        """The next frame; None at the end. Only where it `is_ready`, else it waits."""
        found = next(self._frames, None)
        if found is None:
            self.is_over = True
            return None
        self.number, frame = found
        self.given += 1
        return frame


def read_ahead(sources: Sequence[Source]) -> Ahead[tuple[int, Frame]] | None:
    """The frames of all files among them, in turn, each with the number of its source; None where
    all are live.
    """
    files = {n: source for n, source in enumerate(sources) if source.newest is None}
    return Ahead(_to_the_end(files)) if files else None


def _to_the_end(sources: Mapping[int, Source]) -> Iterator[tuple[int, Frame]]:
    """The frames of each source; where it breaks, one more that says why."""
    for n, source in sources.items():
        index = 0
        try:
            for frame in source.frames():
                index = frame.index + 1
                yield n, frame
                del frame  # as in `Ahead.taken`
        except SourceError as e:
            yield n, broken(source.name, index, e)


def _fill(
    frames: Iterator[T],
    box: SimpleQueue[T | BaseException],
    room: threading.Semaphore,
    closing: threading.Event,
    bells: Sequence[threading.Event],
) -> None:
    def put(found: T | BaseException) -> None:
        box.put(found)
        for bell in bells:
            bell.set()

    try:
        while room.acquire() and not closing.is_set():
            put(next(frames))
    except StopIteration:
        put(_End())
    except BaseException as e:  # to whoever waits for the frame
        put(e)
