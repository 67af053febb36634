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
from edge.sources import Source
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
        job = frames, self._box, self._room, self._closing
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

    def close(self) -> None:
        self._closing.set()
        self._room.release()
        self._reader.join(LAST_S)


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
) -> None:
    try:
        while room.acquire() and not closing.is_set():
            box.put(next(frames))
    except StopIteration:
        box.put(_End())
    except BaseException as e:  # to whoever waits for the frame
        box.put(e)
