"""From the outbox to a sink, and from results to the outbox."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from edge.config.shown import schema as config_schema
from edge.errors import SinkError
from edge.events.event import Event
from edge.outbox.box import RETRY_S, Outbox
from edge.outbox.delivery import LONGEST_S, Delivery, EventRefused, pause_s
from edge.outbox.ledger import Counts
from edge.outbox.reporter import Reporter
from edge.records import FrameFailed
from tests.brokers import until
from tests.happenings import event, events, result, tag

PICTURE = np.zeros((50, 100, 3), np.uint8)


class Kept:
    """A carrier that takes `room` events a time; none while it is away."""

    name = "kept"

    def __init__(self, room: int = 7) -> None:
        self.room, self.is_away, self.got, self.tended, self.is_closed = room, False, [], 0, False

    def send(self, owed):
        if self.is_away:
            raise SinkError("kept: away, at mqtt://u:canary@h")
        taken = owed[: self.room]
        self.got += [one.seq for one in taken]
        return len(taken)

    def tend(self):
        self.tended += 1

    def close(self):
        self.is_closed = True


@pytest.fixture
def outbox(tmp_path):
    opened = Outbox(tmp_path / "o.db", ["kept"])
    yield opened
    opened.close()


def test_events_arrive_in_order_each_once(outbox):
    carrier = Kept()
    delivery = Delivery(outbox, carrier)
    outbox.accept(events(20))
    assert [delivery.once() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert delivery.once() > 0
    assert carrier.got == list(range(1, 21))
    assert (carrier.tended, delivery.health.counts.sent) == (1, 20)


def test_an_outage_is_told_once_without_credentials_and_ends_with_everything_sent(outbox, caplog):
    carrier = Kept()
    carrier.is_away = True
    delivery = Delivery(outbox, carrier)
    outbox.accept(events(5))
    for _ in range(4):
        delivery.once()
    health = delivery.health
    assert (health.failures, health.counts.owed) == (4, 5)
    assert health.last_error == "kept: away, at mqtt://h"
    carrier.is_away = False
    delivery.once()
    assert carrier.got == [1, 2, 3, 4, 5]
    assert delivery.health.failures == 0
    assert [r.message for r in caplog.records] == [
        "kept: away, at mqtt://h; events wait in the outbox", "kept: is back",
    ]  # fmt: skip


def test_the_thread_sends_the_rest_at_its_end_and_closes_its_sink(outbox):
    carrier = Kept(room=1)
    delivery = Delivery(outbox, carrier)
    delivery.start()
    until(lambda: carrier.tended > 0)
    outbox.accept(events(50))
    delivery.end(10.0)
    delivery.join()
    assert (len(carrier.got), carrier.is_closed) == (50, True)


def test_an_end_does_not_wait_for_one_that_is_away(outbox, caplog):
    carrier = Kept()
    carrier.is_away = True
    delivery = Delivery(outbox, carrier, lambda: 1.0)
    outbox.accept(events(5))
    delivery.start()
    until(lambda: delivery.health.failures > 0)
    delivery.end(10.0)
    delivery.join()
    assert carrier.is_closed
    assert "5 events are owed, they go out next time" in caplog.text


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_a_pause_grows_to_its_longest_and_no_further(failures, chance):
    longest = pause_s(failures, 1.0)
    assert longest / 2 <= pause_s(failures, chance) <= longest <= LONGEST_S
    assert longest <= pause_s(failures + 1, 1.0)


def told(outbox) -> list[Event]:
    return [msgspec.json.decode(one.body, type=Event) for one in outbox.owed("kept", 100)]


def test_results_become_events_that_name_who_made_them(outbox):
    reporter = Reporter(outbox, (), "shop")
    seen = replace(result([tag(state="settled")], second=7.25), clock_synced=False)
    reporter.write(seen, PICTURE, 0.0)
    reporter.write(FrameFailed(1, "camera:0", 1, "", "gone"), None, 9.0)
    reporter.close()
    found = told(outbox)
    assert [(e.type, e.why) for e in found] == [("new", "seen"), ("end", "stopped")]
    assert {(e.device, e.bundle, e.engine) for e in found} == {("shop", "b@1", "null/CPU")}
    assert {(e.time, e.clock_synced) for e in found} == {(seen.time, False)}
    schema = Draft202012Validator(json.loads(config_schema(Event)))
    for one in outbox.owed("kept", 9):
        schema.validate(json.loads(one.body))


class Shown:
    """A witness."""

    def __init__(self) -> None:
        self.kept: list[tuple[list[str], bool]] = []

    def keep(self, events, picture) -> None:
        self.kept.append(([e.why for e in events], picture is not None))

    def close(self) -> None:
        """Nothing is open."""


def test_what_a_camera_showed_ends_when_it_gives_nothing_for_long(outbox):
    shown = Shown()
    reporter = Reporter(outbox, [shown], "shop", ["camera:0"], away_s=60.0)
    reporter.write(result([tag(state="settled")]), PICTURE, 100.0)
    reporter.write(result([tag(state="settled")], "clip.avi"), PICTURE, 1.0)
    reporter.tend(159.0)
    assert outbox.here()["camera:0"] == {"Banana": 1}
    reporter.tend(161.0)
    assert [(e.after.camera, e.type, e.why) for e in told(outbox)] == [
        ("camera:0", "new", "seen"), ("clip.avi", "new", "seen"), ("camera:0", "end", "away"),
    ]  # fmt: skip
    assert outbox.here() == {"clip.avi": {"Banana": 1}}  # a clip has a clock of its own
    assert shown.kept[-1] == (["away"], False)
    reporter.write(result([tag(state="settled")], frame=9, second=11), PICTURE, 162.0)
    assert told(outbox)[-1].type == "new"
    assert dict(reporter.told) == {"new": 3, "update": 0, "end": 2}  # the clip is over, too


def test_what_is_on_a_picture_is_told_by_whatever_name_a_config_file_gives_it(outbox):
    Reporter(outbox, (), "shop").write(result([tag()], "shelf"), PICTURE, None)
    assert [(e.after.camera, e.type) for e in told(outbox)] == [("shelf", "new"), ("shelf", "end")]


def test_a_broker_that_comes_and_goes_is_told_now_and_then(outbox, caplog):
    carrier = Kept()
    delivery = Delivery(outbox, carrier)
    for n in range(40):
        carrier.is_away = n % 2 == 0
        outbox.accept([event(n)])
        delivery.once()
    assert caplog.text.count("events wait in the outbox") == 1
    assert caplog.text.count("is back") == 1
    assert delivery.health.counts.sent == 40


def test_who_refuses_everything_is_complained_of_now_and_then(outbox, caplog):
    class Refusing(Kept):
        def send(self, events):
            raise EventRefused("answers 400")

    outbox.accept(events(20))
    delivery = Delivery(outbox, Refusing())
    for _ in range(20):
        delivery.once()
    assert outbox.counts("kept").refused == 20
    assert caplog.text.count("is refused for good") == 1


def test_a_disk_that_comes_late_is_told_meanwhile_and_ends_what_a_cut_off_run_left(tmp_path):
    path, now = tmp_path / "disk" / "o.db", [0.0]
    outbox = Outbox(path, ["kept"])
    Reporter(outbox, (), "shop").write(result([tag(state="settled")]), PICTURE, 0.0)
    outbox._ledger.db.close()
    path.parent.rename(tmp_path / "away")
    path.parent.touch()  # in the way, as a disk that is not mounted is
    outbox = Outbox(path, ["kept"], clock=lambda: now[0], is_patient=True)
    reporter, delivery = Reporter(outbox, (), "shop"), Delivery(outbox, Kept())
    reporter.write(result([tag(state="settled")]), PICTURE, 0.0)
    reporter.tend(0.0)
    delivery.once()
    assert (delivery.health.counts, delivery.health.failures) == (Counts(waiting=1), 0)
    assert delivery.health.last_error.startswith(str(path.parent))
    path.parent.unlink()
    (tmp_path / "away").rename(path.parent)
    now[0] += RETRY_S
    delivery.once()
    assert (delivery.health.counts, delivery.health.last_error) == (Counts(sent=2), "")
    reporter.tend(10.0)
    reporter.tend(20.0)
    assert [(e.type, e.why) for e in told(outbox)] == [("end", "restarted")]
    assert outbox.here() == {"camera:0": {"Banana": 1}}  # this run's
    reporter.close()
    outbox.close()


def test_what_a_cut_off_run_left_open_ends_at_the_next_start(tmp_path):
    outbox = Outbox(tmp_path / "o.db", ["kept"])
    Reporter(outbox, (), "shop").write(result([tag(state="settled")]), PICTURE, 0.0)
    outbox._ledger.db.close()
    outbox = Outbox(tmp_path / "o.db", ["kept"])
    reporter = Reporter(outbox, (), "shop")
    reporter.write(result([tag(state="settled")]), PICTURE, 0.0)
    reporter.close()
    found = told(outbox)
    assert [(e.type, e.why) for e in found] == [
        ("new", "seen"), ("end", "restarted"), ("new", "seen"), ("end", "stopped"),
    ]  # fmt: skip
    assert found[0].after.id == found[1].after.id != found[2].after.id
    assert outbox.here() == {}
    outbox.close()
