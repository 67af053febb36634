"""Files read one frame ahead: the next one is decoded while this one is tagged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

SLICE_S = 0.1  # how often a wait looks up
LAST_S = 2.0  # for the reader to end: it may hang in a file system


class _End(Exception):
    """The frames are over."""


def ahead(frames: Iterator[T], is_stopped: Callable[[], bool]) -> Generator[T, None, None]:
    """`frames`, in their order, read in one thread of its own: at most three are held at a time.

    Ends with them, or once stopped; what was read ahead is then not given out. What they raise is
    raised here, when its turn comes. May be left at any time; closing ends the thread.
    """
    box: Queue[T | BaseException] = Queue(1)
    closing = threading.Event()
    reader = threading.Thread(target=_fill, args=(frames, box, closing), name="read", daemon=True)
    reader.start()
    try:
        while not is_stopped():
            try:
                found = box.get(timeout=SLICE_S)
            except Empty:
                continue
            if isinstance(found, _End):
                return
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        closing.set()
        reader.join(LAST_S)


def _fill(frames: Iterator[T], box: Queue[T | BaseException], closing: threading.Event) -> None:
    try:
        for frame in frames:
            if not _put(frame, box, closing):
                return
        _put(_End(), box, closing)
    except BaseException as e:  # to whoever waits for the frame
        _put(e, box, closing)


def _put(item: T | BaseException, box: Queue[T | BaseException], closing: threading.Event) -> bool:
    """Wait for room; False once nobody wants it."""
    while not closing.is_set():
        try:
            box.put(item, timeout=SLICE_S)
        except Full:
            continue
        return True
    return False
