"""What a broker, or whoever publishes through it, may say to us: an error of ours, or nothing."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")

from edge.outbox.box import Outbox
from edge.outbox.delivery import Delivery, EventRefused
from edge.outbox.ledger import Counts, Owed
from edge.sinks import SINKS, CarrierSite, open_carrier
from edge.sinks import broker as connection
from edge.sinks.mqtt import Mqtt
from edge.sinks.target import parse_target
from tests.brokers import MOSQUITTO, Broker, Listener, until
from tests.happenings import event, events

BODY = msgspec.json.encode(event(1))
TORN = BODY.replace(b"camera:0", b"camera:\xff")
ACKS = {"5": b"\x20\x03\0\0\0", "3.1.1": b"\x20\x02\0\0"}
BIRTH = "homeassistant/status"


def carrier_to(port: int, more: str = "") -> Mqtt:
    site = CarrierSite("box", ("camera:0",), dict, lambda _: Counts())
    return open_carrier(parse_target(f"mqtt://127.0.0.1:{port}/s{more}", SINKS), site)


class Rogue:
    """Takes a connection, says yes to it, and then what it was given; for each connection again."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                with self._socket.accept()[0] as taken, suppress(OSError):
                    taken.settimeout(0.2)
                    taken.recv(4096)
                    taken.sendall(self._said)
                    while taken.recv(4096):  # silent from here on
                        pass


def packets(rng: random.Random) -> Iterator[bytes]:
    """Of every kind, some with the right beginning of theirs."""
    for _ in range(rng.randint(1, 5)):
        kind = rng.choice([0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x90, 0xB0, 0xD0, 0xE0, 0xF0])
        body = rng.randbytes(rng.randint(0, 40))
        if kind & 0xF0 == 0x30 and rng.random() < 0.8:
            topic = BIRTH.encode() if rng.random() < 0.5 else rng.randbytes(8)
            body = struct.pack(">H", len(topic)) + topic + body
        elif rng.random() < 0.5:
            body = struct.pack(">H", rng.randint(0, 8)) + body[:2]
        size = len(body) if rng.random() < 0.8 else rng.randint(0, 127)
        yield bytes([kind, size]) + body


@pytest.mark.parametrize("version", list(ACKS))
@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_broker_says_events_wait_and_nobody_dies(
    tmp_path, monkeypatch, caplog, version, seed
):
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    said = b"".join(packets(random.Random(seed)))
    with closing(Rogue((ACKS[version] if seed else b"") + said)) as rogue:
        carrier = carrier_to(rogue.port, f"#version={version}")
        with closing(Outbox(tmp_path / "o.db", [carrier.name])) as outbox:
            outbox.accept(events(3))
            delivery = Delivery(outbox, carrier, lambda: 0.0)
            delivery.once()
            delivery.once()
            counts = outbox.counts(carrier.name)
        carrier.close()
    assert counts.owed + counts.sent + counts.refused == 3  # an acknowledgement may be right
    assert "a bug" not in caplog.text


@given(st.binary(max_size=40) | st.sampled_from([b"online", b"Online", b"online\0", b"offline"]))
def test_only_one_word_makes_home_assistant_born(payload):
    carrier = carrier_to(1)
    message = SimpleNamespace(payload=payload, topic=BIRTH)
    carrier.broker._on_message(None, None, message)
    assert carrier._is_born == (payload == b"online")


def test_home_assistant_that_starts_while_it_is_told_is_told_again(monkeypatch):
    carrier, told = carrier_to(1), []

    def keep(topic: str, _: bytes) -> None:
        if not told:
            carrier._on_message(b"online")
        told.append(topic)

    monkeypatch.setattr(carrier.broker, "keep", keep)
    carrier._on_message(b"online")
    carrier._tell()
    carrier._tell()
    assert [topic.split("/")[-1] for topic in told].count("config") == 2


@pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")
def test_what_strangers_publish_does_not_reach_our_memory(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    carrier = carrier_to(broker.port)
    try:
        carrier.tend()
        heard: list[int] = []
        carrier.broker._client.on_message = lambda *given: heard.append(len(given[2].payload))
        with closing(Listener(broker.port, "nothing")) as stranger:
            stranger.say(BIRTH, b"x" * (1 << 20))
            stranger.say(BIRTH, bytes(range(256)))
            until(lambda: bool(heard))
            assert carrier.send([Owed(1, BODY)]) == 1  # the connection stands
            assert heard == [256]
    finally:
        carrier.close()
        broker.stop()


@pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")
@pytest.mark.parametrize("body", [b"", b"\xff\0", b'{"after": 1}', BODY[:90], TORN])
def test_a_body_that_the_disk_has_damaged_does_not_hold_up_the_others(tmp_path, body):
    broker = Broker(tmp_path)
    broker.start()
    carrier = carrier_to(broker.port)
    try:
        assert carrier.send([Owed(1, BODY), Owed(2, body), Owed(3, BODY)]) == 1
        with pytest.raises(EventRefused, match="event 2 is damaged"):
            carrier.send([Owed(2, body), Owed(3, BODY)])
        assert carrier.send([Owed(3, BODY)]) == 1
    finally:
        carrier.close()
        broker.stop()


class Slow:
    """A link to a broker that takes BYTES_S of what is sent to it, as a satellite's does."""

    BYTES_S = 100_000

    def __init__(self, port: int) -> None:
        self._to = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near = self._socket.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((near, far, self.BYTES_S), (far, near, 1e9)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, bytes_s: float) -> None:
        with one, other, suppress(OSError):
            while data := one.recv(2000):
                time.sleep(len(data) / bytes_s)
                other.sendall(data)


@pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")
def test_no_event_waits_behind_a_picture_that_a_slow_link_takes_long_for(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    monkeypatch.setattr(connection, "SLOWEST", 20_000.0)
    broker, picture = Broker(tmp_path), bytes(150_000)
    broker.start()
    link = Slow(broker.port)
    latest = lambda _, but: None if but == "t-1" else ("t-1", picture)  # noqa: E731
    site = CarrierSite("box", ("camera:0",), dict, lambda _: Counts(), latest=latest)
    where = parse_target(f"mqtt://127.0.0.1:{link.port}/s#pictures=on", SINKS)
    carrier = open_carrier(where, site)
    outbox = Outbox(tmp_path / "outbox.db", (carrier.name,))
    outbox.accept(events(10))
    delivery = Delivery(outbox, carrier)
    try:
        with closing(Listener(broker.port, "s/camera-0/#")) as listener:
            while delivery.once() == 0.0:  # what is owed; then the picture
                assert delivery.health.failures == 0
            until(lambda: listener.of("s/camera-0/snapshot") == [picture])
            assert len(listener.of("s/camera-0/event")) == 10
            assert delivery.health.failures == 0
    finally:
        carrier.close()
        outbox.close()
        link.close()
        broker.stop()
