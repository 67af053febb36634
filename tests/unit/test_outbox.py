"""The outbox: what was accepted stays until it arrived, whatever the disk does."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
import pytest

from edge.errors import SinkError
from edge.events.event import Event
from edge.outbox import database
from edge.outbox.box import RETRY_S, SETTLE_S, WAITING, Outbox
from edge.outbox.ledger import Counts, Limits
from edge.outbox.sequence import BLOCK, Numbers
from tests.happenings import event, events


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


def opened(path, *sinks, **limits) -> Outbox:
    """Its clock jumps: whatever waits is tried again at once."""
    return Outbox(path, sinks or ("a",), Limits(**limits), jumping())


def jumping() -> Callable[[], float]:
    hours = count()
    return lambda: 3600.0 * next(hours)


def seqs(outbox, sink="a", count=10**6) -> list[int]:
    return [owed.seq for owed in outbox.owed(sink, count)]


def read(body: bytes) -> Event:
    return msgspec.json.decode(body, type=Event)


def test_events_come_back_in_order_with_their_numbers(path):
    outbox = opened(path)
    assert outbox.accept(events(3)) == (1, 2, 3)
    found = [(owed.seq, read(owed.body)) for owed in outbox.owed("a", 2)]
    assert [(seq, e.seq, e.after.id) for seq, e in found] == [(1, 1, "t-0"), (2, 2, "t-1")]
    outbox.close()


def test_each_sink_has_its_own_row_and_the_last_one_frees_the_event(path):
    outbox = opened(path, "a", "b")
    outbox.accept(events(3))
    outbox.acknowledge("a", 2)
    assert (seqs(outbox, "a"), seqs(outbox, "b")) == ([3], [1, 2, 3])
    outbox.acknowledge("b", 3)
    outbox.acknowledge("a", 3)
    assert outbox.counts("a").sent == outbox.counts("b").sent == 3
    outbox.close()
    assert rows(path) == 0


def rows(path) -> int:
    with sqlite3.connect(path) as db:
        [count] = db.execute("SELECT count(*) FROM event").fetchone()
    db.close()
    return count


def test_one_that_is_refused_makes_none_of_those_before_it_refused(path):
    outbox = Outbox(path, ["mqtt"])
    outbox.accept(events(5))
    outbox.acknowledge("mqtt", 3)
    outbox.acknowledge("mqtt", 4, is_refused=True)
    assert outbox.counts("mqtt") == Counts(owed=1, sent=3, refused=1)
    outbox.close()
    assert Outbox(path, ["mqtt"]).counts("mqtt") == Counts(owed=1, sent=3, refused=1)


def test_what_was_acknowledged_is_on_the_disk_with_the_next_event_or_a_little_later(path):
    now = [0.0]
    outbox = Outbox(path, ["mqtt"], clock=lambda: now[0])
    outbox.accept(events(3))
    outbox.acknowledge("mqtt", 2)
    assert on_disk(outbox) == 3
    assert outbox.counts("mqtt") == Counts(owed=1, sent=2)
    outbox.accept([event(9)])
    assert on_disk(outbox) == 2
    outbox.acknowledge("mqtt", 4)
    now[0] += SETTLE_S
    assert outbox.owed("mqtt", 9) == []
    assert on_disk(outbox) == 0
    assert outbox.counts("mqtt") == Counts(sent=4)


def on_disk(outbox: Outbox) -> int:
    [count] = outbox._ledger.db.execute("SELECT count(*) FROM owed").fetchone()
    return count


def test_whoever_comes_after_the_end_gets_nothing_and_spoils_nothing(path, caplog):
    outbox = opened(path)
    outbox.accept(events(3))
    outbox.close()
    outbox.acknowledge("a", 2)
    outbox.acknowledge("a", 3, is_refused=True)
    assert (outbox.owed("a", 9), outbox.counts("a"), outbox.here()) == ([], Counts(), {})
    assert (outbox.accept(events(1)), outbox.left_here(), outbox.strangers()) == ((), [], {})
    outbox.close()
    assert "set aside" not in caplog.text
    assert seqs(opened(path)) == [1, 2, 3]


def test_numbers_go_on_after_a_restart_with_nothing_left(path):
    outbox = opened(path)
    outbox.accept(events(3))
    outbox.acknowledge("a", 3)
    outbox.close()
    outbox = opened(path)
    assert outbox.accept(events(1)) == (4,)
    outbox.close()


def test_when_there_is_no_room_the_least_value_goes_first_and_the_oldest_of_it(path):
    outbox = opened(path, events=4)
    kinds = ["new", "update", "end", "update", "new", "end"]
    for n, kind in enumerate(kinds):
        outbox.accept([event(n, kind)])
    left = [read(owed.body) for owed in outbox.owed("a", 10)]
    assert [(e.seq, e.type) for e in left] == [(1, "new"), (3, "end"), (5, "new"), (6, "end")]
    outbox.accept([event(7, "end")])
    assert seqs(outbox) == [3, 5, 6, 7]
    assert outbox.counts("a").dropped == 3
    outbox.close()


def test_a_sink_that_is_away_for_long_costs_one_that_is_there_nothing(path):
    outbox, arrived = opened(path, "away", "there", events=100), []
    for n in range(300):
        outbox.accept([event(n, ("new", "update", "end")[n % 3])])
        arrived += seqs(outbox, "there")
        outbox.acknowledge("there", arrived[-1])
    assert arrived == list(range(1, 301))
    assert (outbox.counts("there").dropped, outbox.counts("away").dropped) == (0, 200)
    kept = [read(owed.body).type for owed in outbox.owed("away", 100)]
    assert kept.count("end") > 90  # of it, what is worth most
    outbox.close()


def test_bytes_are_bounded_too(path):
    outbox = opened(path, bytes=20_000)
    for n in range(200):
        outbox.accept([event(n)])
    held = sum(len(owed.body) for owed in outbox.owed("a", 1000))
    assert 18_000 < held <= 20_000
    assert outbox.counts("a").dropped == 200 - outbox.counts("a").owed
    outbox.close()


def test_a_second_process_is_refused(path):
    outbox = opened(path)
    with pytest.raises(SinkError, match="locked") as caught:
        opened(path)
    assert "--outbox" in caught.value.fix
    outbox.close()


def test_a_disk_without_room_for_an_outbox_says_so_and_not_that_another_runs(path, monkeypatch):
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database, "_prepare", full)
    with pytest.raises(SinkError, match="disk is full") as caught:
        opened(path)
    assert caught.value.fix.startswith("make room on its disk")


def test_a_newer_schema_is_left_alone(path):
    opened(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(SinkError, match="schema is 9, expected at most 1"):
        opened(path)


@pytest.mark.parametrize("damage", ["junk", "page", "short"])
def test_a_damaged_database_is_set_aside_and_numbers_go_on(path, damage, caplog):
    outbox = opened(path)
    outbox.accept(events(50))
    outbox.close()
    spoil(path, damage)
    outbox = opened(path)
    assert "set aside as outbox.db.damaged" in caplog.text
    assert path.with_name("outbox.db.damaged").exists()
    assert seqs(outbox) == []
    [seq] = outbox.accept([event(1)])
    assert 50 < seq <= 50 + BLOCK + 2
    outbox.close()


def spoil(path, damage: str) -> None:
    whole = path.read_bytes()
    if damage == "junk":
        path.write_bytes(b"junk" * 999)
    elif damage == "page":
        path.write_bytes(whole[:4096] + b"\xff" * 4096 * 3 + whole[4 * 4096 :])
    else:
        path.write_bytes(whole[: len(whole) // 2])


def test_what_was_set_aside_before_stays(path):
    for n in range(3):
        opened(path).close()
        path.write_bytes(b"junk %d" % n)
        opened(path).close()
    kept = [path.with_name(f"outbox.db.damaged{end}") for end in ("", "-2", "-3")]
    assert [file.read_bytes() for file in kept] == [b"junk 0", b"junk 1", b"junk 2"]


@pytest.mark.parametrize("version", [0, 1, 9])
def test_a_database_of_something_else_is_refused_and_left_as_it_is(path, version):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE event (id, label)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    whole = path.read_bytes()
    path.with_name("outbox.db.seq").write_bytes(b"1002")  # it took an outbox's place
    with pytest.raises(SinkError, match="a database of something else") as caught:
        opened(path)
    assert "--outbox" in caught.value.fix
    assert path.read_bytes() == whole


def test_a_file_that_never_was_an_outbox_is_refused_and_left_as_it_is(path):
    path.write_bytes(b"a letter to my aunt\n" * 99)
    with pytest.raises(SinkError, match="expected an outbox, or no file"):
        opened(path)
    assert [file.name for file in path.parent.iterdir()] == ["outbox.db"]
    assert path.read_bytes() == b"a letter to my aunt\n" * 99


def test_damage_while_in_use_is_survived(path, caplog):
    outbox = opened(path)
    outbox.accept(events(400))
    outbox.close()
    outbox = opened(path)
    outbox._ledger.db.execute("PRAGMA cache_size = 1")
    outbox._ledger.db.execute("PRAGMA shrink_memory")  # forgets what it read when it was opened
    spoil(path, "page")
    for n in range(50):  # sooner or later a damaged page is read
        outbox.owed("a", 400)
        outbox.accept([event(1000 + n, "end")])
    assert "set aside" in caplog.text
    assert seqs(outbox) == sorted(set(seqs(outbox)))
    assert seqs(outbox)[-1] > 400
    outbox.close()


@pytest.mark.parametrize(
    ("owner", "name", "error"),
    [
        (database, "_prepare", sqlite3.OperationalError("disk is full")),  # for a new one
        (Path, "replace", OSError(28, "disk is full")),  # the old one cannot be set aside
    ],
)
def test_damage_on_a_disk_that_takes_nothing_is_told_once_and_leaves_no_files(
    path, caplog, monkeypatch, owner, name, error
):
    outbox = opened(path)
    outbox.accept(events(5))
    outbox._ledger.db.close()
    spoil(path, "junk")

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, refuse)
        for n in range(20):
            outbox.accept([event(10 + n)])
            assert (outbox.owed("a", 9), outbox.here()) == ([], {})
    assert caplog.text.count("disk is full") == 1
    assert outbox.waiting == 20
    assert len(outbox.accept([event(99)])) == 21
    assert caplog.text.count("set aside") == 1
    assert not path.with_name("outbox.db.damaged-2").exists()
    outbox.close()


def test_a_full_disk_accepts_nothing_and_loses_nothing_that_it_accepted(path, caplog):
    outbox = opened(path)
    outbox.accept(events(5))
    [pages] = outbox._ledger.db.execute("PRAGMA page_count").fetchone()
    outbox._ledger.db.execute(f"PRAGMA max_page_count = {pages}")  # a quota
    accepted = [outbox.accept(events(100, 100 + 100 * n)) for n in range(20)]
    done = [seq for given in accepted for seq in given]
    assert accepted[-1] == ()
    assert seqs(outbox) == list(range(1, 6)) + done
    assert outbox.waiting == WAITING
    assert outbox.lost == outbox.counts("a").dropped == 2000 - len(done) - WAITING
    assert caplog.text.count("disk is full") == 1  # said once
    outbox._ledger.db.execute("PRAGMA max_page_count = 100000")  # there is room again
    assert len(outbox.accept([event(9)])) == WAITING + 1
    assert (outbox.waiting, len(seqs(outbox))) == (0, 5 + len(done) + WAITING + 1)
    assert seqs(outbox) == sorted(set(seqs(outbox)))
    lost = outbox.lost
    outbox.close()
    outbox = opened(path)
    assert outbox.counts("a").dropped == lost  # counted over restarts
    outbox.close()


def test_in_memory_too_the_least_value_gives_way(path):
    outbox = opened(path)
    outbox._ledger.db.execute("PRAGMA max_page_count = 1")
    outbox._ledger.db.execute("PRAGMA query_only = 1")
    outbox.accept([event(n, "update") for n in range(WAITING)])
    outbox.accept([event(n, "end") for n in range(10)])
    outbox._ledger.db.execute("PRAGMA query_only = 0")
    outbox._ledger.db.execute("PRAGMA max_page_count = 100000")
    kinds = [read(owed.body).type for owed in outbox.owed("a", 2000)]
    assert kinds == ["update"] * (WAITING - 10) + ["end"] * 10
    assert outbox.lost == 10
    outbox.close()


def test_what_was_acknowledged_on_a_full_disk_is_not_sent_again(path):
    outbox = opened(path)
    outbox.accept(events(5))
    outbox._ledger.db.execute("PRAGMA query_only = 1")
    outbox.acknowledge("a", 3)
    assert (seqs(outbox), outbox.counts("a").owed) == ([4, 5], 2)
    outbox._ledger.db.execute("PRAGMA query_only = 0")
    outbox.close()  # it is written as soon as that works
    outbox = opened(path)
    assert (seqs(outbox), outbox.counts("a").sent) == ([4, 5], 3)
    outbox.close()


def test_a_disk_that_takes_nothing_is_not_asked_for_every_event(path):
    now = [0.0]
    outbox = Outbox(path, ("a",), Limits(), lambda: now[0])
    outbox._ledger.db.execute("PRAGMA query_only = 1")
    outbox.accept(events(3))
    outbox._ledger.db.execute("PRAGMA query_only = 0")
    now[0] += RETRY_S / 2
    assert outbox.accept(events(1, 3)) == ()
    now[0] += RETRY_S / 2
    assert outbox.accept(events(1, 4)) == (1, 2, 3, 4, 5)
    outbox.close()


def test_what_was_here_when_the_run_was_cut_off_is_known(path):
    outbox = opened(path)
    outbox.accept([event(1), event(2), event(3, label="Apple"), event(1, "end")])
    assert outbox.here() == {"camera:0": {"Banana": 1, "Apple": 1}}
    outbox._ledger.db.close()  # cut off
    outbox = opened(path)
    assert sorted(sight.id for sight in outbox.left_here()) == ["t-2", "t-3"]
    outbox.close()


def test_a_disk_that_is_not_there_yet_is_waited_for_and_then_has_everything(path, caplog):
    path, away, now = path.parent / "disk" / "outbox.db", path.parent / "away", [0.0]
    outbox = opened(path)
    outbox.accept([event(1), event(2, "end")])
    outbox._ledger.db.close()  # cut off
    path.parent.rename(away)
    path.parent.touch()  # in the way, as a disk that is not mounted is
    with pytest.raises(SinkError):
        opened(path)
    outbox = Outbox(path, ["a"], clock=lambda: now[0], is_patient=True)
    assert (outbox.left_here(), outbox.here(), outbox.owed("a", 9)) == ([], {}, [])
    assert outbox.accept([event(3)]) == outbox.accept([event(4)]) == ()
    assert outbox.counts("a") == Counts(waiting=2)
    assert len(caplog.messages) == 1
    assert "events wait in memory" in caplog.text
    path.parent.unlink()
    away.rename(path.parent)
    now[0] += RETRY_S
    assert seqs(outbox) == [1, 2, 3, 4]
    assert [sight.id for sight in outbox.left_here()] == ["t-1"]  # none of this run's
    assert (outbox.left_here(), outbox.counts("a")) == ([], Counts(owed=4))
    assert caplog.messages[1:] == [f"{path}: is back"]
    outbox.close()


def test_a_file_that_was_taken_away_is_begun_anew_and_numbers_go_on(path, caplog):
    outbox = opened(path)
    assert outbox.accept(events(3)) == (1, 2, 3)
    for file in path.parent.glob("outbox.db*"):
        file.unlink()
    numbers = outbox.accept(events(2, 3))
    assert numbers[0] > 3  # whoever hears of them knows repeated ones by their numbers
    assert seqs(outbox) == list(numbers)
    assert caplog.text.count("was taken away") == 1
    outbox.close()
    assert seqs(opened(path)) == list(numbers)


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("is_refused", [True, False])
def test_what_was_on_a_disk_that_comes_back_is_sent_and_no_answer_to_others_settles_it(
    path, is_noticed, is_refused
):
    """Its place was taken by a folder on another disk meanwhile."""
    path, away = path.parent / "disk" / "outbox.db", path.parent / "away"
    outbox = opened(path)
    outbox.accept(events(3))
    path.parent.rename(away)
    numbers = outbox.accept(events(1, 3))
    assert seqs(outbox) == list(numbers)
    path.parent.rename(path.parent.with_name("hidden"))
    away.rename(path.parent)
    more = outbox.accept(events(1, 4)) if is_noticed else ()
    outbox.acknowledge("a", numbers[-1], is_refused=is_refused)  # it was on its way meanwhile
    more = more or outbox.accept(events(1, 4))
    assert seqs(outbox) == [1, 2, 3, *more]
    assert more[0] > numbers[-1]
    outbox.acknowledge("a", 2)
    assert seqs(outbox) == [3, *more]
    outbox.close()


def test_a_disk_that_takes_no_numbers_is_tried_again(path):
    now, numbers = [0.0], database.numbers_file(path)
    numbers.with_name(f".{numbers.name}.part").mkdir()  # in the way, as a full disk is
    outbox = Outbox(path, ["a"], clock=lambda: now[0], is_patient=True)
    assert outbox.accept([event(1)]) == ()
    numbers.with_name(f".{numbers.name}.part").rmdir()
    now[0] += RETRY_S
    assert outbox.accept([event(2)]) == (1, 2)
    outbox.close()


def test_an_outbox_that_never_had_a_disk_ends_as_any_other(path, caplog):
    path.parent.rmdir()
    path.parent.touch()
    outbox = Outbox(path, ["a"], is_patient=True)
    outbox.accept(events(2))
    outbox.close()
    assert "2 events are lost with it" in caplog.text


@pytest.mark.parametrize("found", [b"a letter", b"", None])
def test_no_patience_makes_anothers_file_an_outbox(path, found):
    path.mkdir() if found is None else path.write_bytes(found)
    if found == b"":
        other = opened(path)  # of a process that runs
    with pytest.raises(SinkError, match=r"is locked|expected an outbox"):
        Outbox(path, ["a"], is_patient=True)
    if found == b"":
        other.close()


@pytest.mark.parametrize("damage", [b"{", b'{"id": "t-1", "camera": "\xff"}'])
def test_what_was_here_and_is_damaged_on_the_disk_is_told_and_forgotten(path, damage, caplog):
    outbox = opened(path)
    outbox.accept([event(1), event(2)])
    outbox._ledger.db.execute("UPDATE here SET sight = ? WHERE id = 't-1'", (damage,))
    outbox.close()
    outbox = opened(path)
    assert [sight.id for sight in outbox.left_here()] == ["t-2"]
    assert "thing t-1 is damaged" in caplog.text
    assert outbox.here() == {"camera:0": {"Banana": 1}}
    outbox.close()


def test_a_thing_whose_time_the_disk_damaged_ends_no_daemon(path, caplog):
    """It raised at every start, so none ever came to its first frame."""
    outbox = opened(path)
    outbox.accept([event(1), event(2)])
    never = msgspec.json.encode(msgspec.structs.replace(event(1).after, frame_time=1e15))
    outbox._ledger.db.execute("UPDATE here SET sight = ? WHERE id = 't-1'", (never,))
    outbox.close()
    outbox = opened(path)
    assert [sight.id for sight in outbox.left_here()] == ["t-2"]
    assert "thing t-1 is damaged" in caplog.text
    outbox.close()


def test_what_was_announced_is_known_to_later_runs_also_in_an_outbox_of_before(path):
    outbox = opened(path)
    outbox._ledger.db.execute("DROP TABLE announced")
    outbox.close()
    outbox = opened(path)
    outbox.announce("a", {"till", "door"})
    outbox.announce("b", {"sea"})
    outbox.announce("a", {"till", "new"})
    outbox.close()
    outbox = opened(path)
    assert (outbox.announced("a"), outbox.announced("b")) == ({"till", "new"}, {"sea"})
    outbox.close()


def test_what_is_owed_to_a_sink_that_is_not_named_any_more_stays(path):
    outbox = opened(path, "a", "b")
    outbox.accept(events(2))
    outbox.close()
    outbox = opened(path, "a")
    outbox.accept(events(1, 5))
    assert outbox.strangers() == {"b": 2}
    outbox.close()
    outbox = opened(path, "b")
    assert seqs(outbox, "b") == [1, 2]
    outbox.close()


def test_a_file_of_numbers_that_is_damaged_or_gone_never_makes_a_number_come_twice(tmp_path):
    file = tmp_path / "seq"
    for content in (b"junk", b"", b"-5", b"9" * 40):
        file.write_bytes(content)
        assert Numbers(file, 41, is_known=True).peek(1) == 42
    assert int(file.read_bytes()) > 42
    assert Numbers(file, 0, is_known=False).peek(1) == 42 + 1 + BLOCK


def test_a_number_is_on_the_disk_by_its_name_before_it_is_used(tmp_path, monkeypatch):
    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_ino), sync(fd)))
    Numbers(tmp_path / "seq", 0, is_known=True).peek(1)
    assert synced == [path.stat().st_ino for path in (tmp_path / "seq", tmp_path)]
