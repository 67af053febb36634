"""One frame is read while another is used: in order, bounded, and ended when nobody wants more."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from edge.errors import SourceError
from edge.records import Frame
from edge.sources.ahead import Ahead

LIMIT_S = 30


def frames(count: int, read: list[int], on_end=lambda: None):
    """`count` frames; `read` gets the number of each one as it is made."""
    try:
        for n in range(count):
            read.append(n)
            yield Frame("clip", n, "", None)
    finally:
        on_end()


def never() -> bool:
    return False


def ahead(frames, is_stopped):
    """As the pipeline takes them."""
    with closing(Ahead(frames)) as read:
        yield from read.taken(is_stopped)


def wait_for(is_so) -> None:
    until = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


def reading() -> int:
    return sum(thread.name == "read" for thread in threading.enumerate())


def test_every_frame_comes_in_its_order_and_the_thread_ends():
    assert [frame.index for frame in ahead(frames(50, []), never)] == list(range(50))
    assert reading() == 0


def test_the_next_one_is_read_while_this_one_is_used_and_no_more_than_that():
    read: list[int] = []
    given = ahead(frames(50, read), never)
    next(given)
    wait_for(lambda: len(read) == 2)  # in hand, and in the box
    time.sleep(0.2)
    assert len(read) == 2
    given.close()


def test_leaving_ends_the_thread_and_closes_what_it_read():
    ended = threading.Event()
    given = ahead(frames(50, [], ended.set), never)
    next(given)
    given.close()
    assert ended.wait(LIMIT_S)
    wait_for(lambda: reading() == 0)


def test_an_error_comes_after_the_frames_before_it():
    def broken():
        yield from frames(2, [])
        raise SourceError("clip: damaged")

    given = ahead(broken(), never)
    assert [next(given).index, next(given).index] == [0, 1]
    with pytest.raises(SourceError, match="clip: damaged"):
        next(given)
    assert reading() == 0


def test_once_stopped_nothing_more_is_given():
    stopping = threading.Event()
    given = ahead(frames(50, []), stopping.is_set)
    next(given)
    stopping.set()
    assert list(given) == []


def test_a_source_that_hangs_does_not_keep_a_stop_waiting():
    hanging, stopping = threading.Event(), threading.Event()

    def slow():
        hanging.wait(LIMIT_S)
        yield Frame("clip", 0, "", None)

    threading.Timer(0.2, stopping.set).start()
    begin = time.monotonic()
    assert list(ahead(slow(), stopping.is_set)) == []
    assert time.monotonic() - begin < LIMIT_S
    hanging.set()


def test_the_first_one_is_read_before_anybody_asks():
    read: list[int] = []
    with closing(Ahead(frames(50, read))):
        wait_for(lambda: read == [0])
    wait_for(lambda: reading() == 0)
