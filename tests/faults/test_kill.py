"""The process is killed at any moment, the log is cut at any byte: nothing that was accepted is
lost, nothing is invented, no number comes twice.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events.event import Event
from edge.outbox.box import Outbox
from tests.faults.accepting import accept_for_ever
from tests.happenings import event, events


def killed(path: Path, round_: int, rng: random.Random) -> list[tuple[str, int]]:
    """What a process said that accepts events, killed at any moment. A fork starts quickly.

    One time in four the moment is so long after the fork, perhaps while it opens the outbox; else
    after so many words: how busy the machine is does not matter.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, 1)
            accept_for_ever(path, round_)
        finally:
            os._exit(1)
    os.close(writing)
    os.set_blocking(reading, False)
    said, words = b"", 0 if rng.random() < 0.25 else rng.randint(1, 150)
    while said.count(b"\n") < words:
        said += drained(reading)
        time.sleep(0.001)
    time.sleep(rng.uniform(0.0, 0.01 if words else 0.1))
    said += drained(reading)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said += drained(reading)
    os.close(reading)
    assert os.WTERMSIG(status) == signal.SIGKILL
    lines = [line.split() for line in said.decode().splitlines()]
    return [(what, int(number)) for what, number in lines]


def drained(reading: int) -> bytes:
    found = b""
    try:
        while more := os.read(reading, 65536):
            found += more
    except BlockingIOError:
        pass
    return found


def rounds(path: Path, count: int) -> Iterator[int]:
    """Kill, open, compare; `count` times over the same outbox. Yields how many were accepted."""
    rng = random.Random(count)
    accepted: set[int] = set()
    begun, done, highest = 0, 0, 0
    tried: dict[int, int] = {}
    for round_ in range(count):
        said = killed(path, round_, rng)
        new = [number for what, number in said if what == "a"]
        assert new == sorted(set(new))
        assert not new or new[0] > highest
        accepted |= set(new)
        begun = max([begun, *(n for what, n in said if what == "x")])
        done = max([done, *settled(said)])
        tried[round_] = max((n for what, n in said if what == "t"), default=0)
        highest = max([highest, *new, *check(path, accepted, (done, begun), tried)])
        yield len(accepted)


def settled(said: list[tuple[str, int]]) -> Iterator[int]:
    """What was acknowledged is on the disk once the next event is: until then it may come again."""
    acknowledged = 0
    for what, number in said:
        if what == "d":
            acknowledged = number
        elif what == "a":
            yield acknowledged


def check(
    path: Path, accepted: set[int], given: tuple[int, int], tried: dict[int, int]
) -> list[int]:
    """Opens the outbox as the next run would; the numbers in it.

    given  acknowledged up to here for certain, and up to here perhaps: the kill came in between
    """
    outbox = Outbox(path, ("a",))
    found = [
        (owed.seq, msgspec.json.decode(owed.body, type=Event)) for owed in outbox.owed("a", 10**6)
    ]
    outbox.close()
    seqs = [seq for seq, _ in found]
    assert seqs == sorted(set(seqs))
    done, begun = given
    assert {seq for seq in accepted if seq > begun} <= set(seqs), "lost"
    assert min(seqs, default=done + 1) > done, "acknowledged, and still there"
    for seq, one in found:
        round_, count = divmod(one.after.frame, 10**6)
        assert one.seq == seq
        assert count < tried[round_], "invented"
        assert one == Event(
            one.type, "seen", one.before, event(one.after.frame).after, seq=seq, device="test"
        )
    frames = [one.after.frame for _, one in found]
    assert len(frames) == len(set(frames)), "invented: twice"
    return seqs


def test_killed_at_random_points(tmp_path):
    *_, accepted = rounds(tmp_path / "outbox.db", 8)
    assert accepted > 20


@pytest.mark.slow
def test_killed_fifty_times(tmp_path):
    *_, accepted = rounds(tmp_path / "outbox.db", 50)
    print(f"50 kills, {accepted} events accepted, none lost, none invented")  # noqa: T201
    assert accepted > 200


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """An outbox as a power cut leaves it: 40 commits in its log, none in its database."""
    folder = tmp_path_factory.mktemp("cut") / "whole"
    outbox = Outbox(folder / "outbox.db", ("a",))
    for n in range(40):
        outbox.accept(events(1, n))
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    outbox.close()
    return copy


@given(st.floats(0, 1), st.binary(max_size=64))
@settings(max_examples=60, deadline=None)
def test_a_log_that_is_cut_at_any_byte_gives_what_was_whole_before_it(
    cut_off, tmp_path_factory, share, rubbish
):
    """What the disk had of the log, and rubbish after it: a prefix of the commits."""
    folder = tmp_path_factory.mktemp("torn") / "outbox"
    shutil.copytree(cut_off, folder)
    log = folder / "outbox.db-wal"
    whole = log.read_bytes()
    log.write_bytes(whole[: int(share * len(whole))] + rubbish)
    outbox = Outbox(folder / "outbox.db", ("a",))
    seqs = [owed.seq for owed in outbox.owed("a", 100)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= int(share * 40) - 6
    [new] = outbox.accept(events(1))
    assert new > max(seqs, default=0)
    outbox.close()
    shutil.rmtree(folder)


def test_a_commit_is_on_the_disk_when_it_returns(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db", ("a",))
    [level] = outbox._ledger.db.execute("PRAGMA synchronous").fetchone()
    [mode] = outbox._ledger.db.execute("PRAGMA journal_mode").fetchone()
    outbox.close()
    assert (level, mode) == (2, "wal")  # FULL: an fsync a commit


def test_sqlite_is_new_enough():
    assert sqlite3.sqlite_version_info >= (3, 31)
