"""What is not taken is told once, until it is taken again."""

from __future__ import annotations

import pytest

from edge.errors import SinkError
from edge.outage import QUIET_S, Outage


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def outage(clock):
    return Outage("pics", clock=lambda: clock[0])


def failing(error: Exception):
    def work() -> None:
        raise error

    return work


def test_it_is_told_when_it_begins_and_when_it_is_over(outage, caplog):
    full = failing(SinkError("pics/a.jpg: No space left"))
    assert [outage.survived(full) for _ in range(3)] == [False] * 3
    assert (outage.is_on, outage.failed, outage.error) == (True, 3, "pics/a.jpg: No space left")
    assert outage.survived(list, "ab")
    assert (outage.is_on, outage.failed, outage.error) == (False, 3, "pics/a.jpg: No space left")
    assert caplog.messages == [
        "pics/a.jpg: No space left; the run goes on without", "pics: is back",
    ]  # fmt: skip


def test_a_disk_that_takes_this_and_not_that_is_told_now_and_then(outage, clock, caplog):
    for _ in range(100):
        outage.survived(failing(OSError("full")))
        outage.survived(list)
    assert len(caplog.messages) == 2
    outage.survived(failing(OSError("full")))  # and stays so
    clock[0] += QUIET_S
    outage.survived(failing(OSError("full")))
    outage.survived(failing(OSError("full")))
    assert len(caplog.messages) == 3


def test_our_own_bug_is_no_outage(outage):
    with pytest.raises(KeyError):
        outage.survived(failing(KeyError("x")))
    assert not outage.is_on
