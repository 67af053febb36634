"""Events to a real broker, and what becomes of them when it goes away and comes back."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import ExitStack, closing

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

paho = pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")

from edge.errors import SinkError, UsageError  # noqa: E402
from edge.events.event import Event  # noqa: E402
from edge.outbox.box import Outbox  # noqa: E402
from edge.outbox.delivery import Delivery  # noqa: E402
from edge.outbox.ledger import Counts  # noqa: E402
from edge.sinks import SINKS, CarrierSite, mqtt, open_carrier  # noqa: E402
from edge.sinks.cutouts import Latest  # noqa: E402
from edge.sinks.recipients import open_recipients  # noqa: E402
from edge.sinks.target import parse_target  # noqa: E402
from tests.brokers import LIMIT_S, MOSQUITTO, Broker, Listener, free_port, until  # noqa: E402
from tests.happenings import event, events, sight  # noqa: E402

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")
CANARY = "canary-7f3a"


class Sending:
    """An outbox and its delivery to one address."""

    def __init__(self, path, text: str, cameras=("camera:0",), device: str = "box") -> None:
        site = CarrierSite(
            device, cameras, lambda: self.outbox.here(), lambda n: self.outbox.counts(n)
        )
        carrier = open_carrier(parse_target(text, SINKS), site)
        self.name = carrier.name
        self.outbox = Outbox(path, [carrier.name])
        self.delivery = Delivery(self.outbox, carrier, lambda: 0.0)
        self.carrier = carrier

    def start(self) -> Sending:
        self.delivery.start()
        return self

    @property
    def owed(self) -> int:
        return self.outbox.counts(self.name).owed

    def close(self) -> None:
        if self.delivery._thread.is_alive():
            self.delivery.end(2.0)
            self.delivery.join()
        self.outbox.close()


@pytest.fixture
def opened():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def broker(tmp_path, opened):
    broker = Broker(tmp_path)
    opened.callback(broker.stop)
    broker.start()
    return broker


def seqs(listener: Listener) -> list[int]:
    return [json.loads(p)["seq"] for topic, p, _ in listener.heard if topic.endswith("/event")]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_events_arrive_in_order_with_who_is_there_and_how_we_are(
    tmp_path, broker, opened, monkeypatch, version
):
    monkeypatch.setattr(mqtt, "COUNTED_S", 0.0)
    listener = opened.enter_context(closing(Listener(broker.port)))
    text = f"mqtt://127.0.0.1:{broker.port}/shop#version={version}"
    sending = Sending(tmp_path / "o.db", text)
    sending.outbox.accept([*events(250), event(300, label="Apple"), event(300, "end")])
    sending.start()
    until(lambda: len(seqs(listener)) == 252 and sending.owed == 0)
    assert seqs(listener) == list(range(1, 253))
    until(lambda: b'"owed":0' in (listener.of("shop/health") or [b""])[-1])
    here = json.loads(listener.of("shop/camera-0/here")[-1])
    assert here == {"count": 250, "labels": {"Banana": 250}}
    sending.close()
    until(lambda: listener.of("shop/status")[-1:] == [b"stopped"])
    assert listener.of("shop/status") == [b"online", b"stopped"]


def test_home_assistant_is_told_on_connect_and_whenever_it_was_started(tmp_path, broker, opened):
    listener = opened.enter_context(closing(Listener(broker.port, "homeassistant/#")))
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/a/b").start()
    opened.callback(sending.close)
    topic = "homeassistant/device/a_b/config"
    until(lambda: len(listener.of(topic)) == 1)
    listener.say("homeassistant/status", b"offline")
    listener.say("homeassistant/status", b"online")
    until(lambda: len(listener.of(topic)) == 2)
    told = json.loads(listener.of(topic)[-1])
    assert told["device"]["identifiers"] == ["a_b"]
    assert told["availability"][0]["topic"] == "a/b/status"
    late = opened.enter_context(closing(Listener(broker.port, topic)))
    until(lambda: bool(late.heard))
    assert late.heard[0][2]  # retained: one who comes later hears it too


def test_a_camera_that_gives_nothing_is_told_and_its_states_are_unknown_then(
    tmp_path, broker, opened
):
    listener = opened.enter_context(closing(Listener(broker.port)))
    ailing: dict[str, str] = {}
    site = CarrierSite("box", ("till", "door"), dict, lambda _: Counts(), lambda: ailing)
    carrier = open_carrier(parse_target(f"mqtt://127.0.0.1:{broker.port}/s", SINKS), site)
    opened.callback(carrier.close)
    carrier.tend()
    ailing["till"] = "no frame for 11 s"
    carrier.tend()
    ailing.clear()
    carrier.tend()
    until(lambda: len(listener.of("s/till/status")) == 3)
    assert listener.of("s/status") == [b"online", b"degraded", b"online"]
    assert listener.of("s/till/status") == [b"online", b"offline", b"online"]
    assert listener.of("s/door/status") == [b"online"]
    told = json.loads(listener.of("homeassistant/device/s/config")[0])["components"]
    topics = [one["topic"] for one in told["till_occupied"]["availability"]]
    assert (topics, told["till_occupied"]["availability_mode"]) == (
        ["s/status", "s/till/status"],
        "all",
    )
    assert "availability" not in told["till_camera"]  # that it is away is known
    assert told["till_camera"]["device_class"] == "connectivity"
    assert len({one["unique_id"] for one in told.values()}) == len(told)


def test_how_many_are_there_is_not_told_while_nobody_knows(tmp_path, broker, opened):
    """A disk that is not there: nothing is there, Home Assistant would believe."""
    listener = opened.enter_context(closing(Listener(broker.port)))
    known: list[dict[str, dict[str, int]]] = []
    site = CarrierSite("box", ("till",), lambda: known[0] if known else None, lambda _: Counts())
    carrier = open_carrier(parse_target(f"mqtt://127.0.0.1:{broker.port}/s", SINKS), site)
    opened.callback(carrier.close)
    carrier.tend()
    until(lambda: bool(listener.of("s/health")))
    assert listener.of("s/till/status") == [b"online"]
    assert listener.of("s/till/here") == []
    known.append({"till": {"Banana": 2}})
    carrier.tend()
    until(lambda: bool(listener.of("s/till/here")))
    assert json.loads(listener.of("s/till/here")[0])["count"] == 2


def test_cameras_that_differ_behind_a_dot_have_topics_of_their_own(tmp_path, broker, opened):
    listener = opened.enter_context(closing(Listener(broker.port)))
    text = f"mqtt://127.0.0.1:{broker.port}"
    sending = Sending(tmp_path / "o.db", text, ("till.1", "till.2"), device="pi.shop.local")
    sending.outbox.accept([event(1), replace(event(2), after=sight(2, camera="till.2"))])
    sending.start()
    opened.callback(sending.close)
    prefix = "edge-tag/pi.shop.local"
    until(lambda: len(listener.of(f"{prefix}/till.2/event")) == 1)
    assert listener.of(f"{prefix}/till.1/status") == [b"online"]
    assert listener.of(f"{prefix}/till.2/status") == [b"online"]
    # Home Assistant hears of nothing at a topic with another letter than these
    [told] = listener.of("homeassistant/device/edge-tag_pi-shop-local/config")
    assert {"till.1_here", "till.2_here"} < set(json.loads(told)["components"])


def test_a_picture_of_what_came_last_where_it_is_wanted(tmp_path, broker, opened):
    before = opened.enter_context(closing(Listener(broker.port, "nothing")))
    last_week = before._client.publish("s/till/snapshot", b"of last week", 1, retain=True)
    last_week.wait_for_publish(LIMIT_S)  # or it comes as news to whoever listens already
    listener = opened.enter_context(closing(Listener(broker.port, "s/till/snapshot")))
    until(lambda: listener.heard == [("s/till/snapshot", b"of last week", True)])
    latest = Latest(["till"])
    site = CarrierSite("box", ("till",), dict, lambda _: Counts(), dict, latest.of)
    target = parse_target(f"mqtt://127.0.0.1:{broker.port}/s#pictures=on", SINKS)
    carrier = open_carrier(target, site)
    opened.callback(carrier.close)
    carrier.tend()
    until(lambda: len(listener.heard) == 2)
    assert listener.heard[1][1] == b""  # forgotten
    red = np.zeros((50, 100, 3), np.uint8)
    red[:10, :10] = 250, 0, 0
    sights = [sight(1, camera="door"), sight(2, camera="till")]
    latest.keep([Event("new", "seen", None, one) for one in sights], red)
    for _ in range(3):
        carrier.tend()
    until(lambda: len(listener.heard) == 3)
    shown = cv2.imdecode(np.frombuffer(listener.heard[2][1], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (12, 12, 3)
    assert shown[4, 4, 2] > 200 > 50 > shown[4, 4, 0]
    place = replace(sight(3, camera="till"), track=None, box=(0, 0, 60, 50))
    thing = replace(place, track=7, box=(0, 0, 20, 20))
    latest.keep([Event("new", "seen", None, place)], red)
    carrier.tend()
    latest.keep([Event("update", "state", place, thing)], red)
    latest.keep([Event("update", "moved", thing, replace(thing, box=(50, 0, 70, 20)))], red)
    carrier.tend()
    until(lambda: len(listener.heard) == 5)  # the place, and the thing that was found there
    shown = cv2.imdecode(np.frombuffer(listener.heard[4][1], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (23, 23, 3)


def test_of_a_camera_that_has_another_name_now_nothing_stays_at_the_broker(tmp_path, broker):
    def run(path, *cameras: str, **how: bool) -> None:
        to = [f"mqtt://127.0.0.1:{broker.port}/s"]
        with (
            closing(Listener(broker.port, "s/health")) as told,
            closing(open_recipients(to, cameras, str(path), 9, **({"is_patient": True} | how))),
        ):
            until(lambda: not all(is_retained for _, _, is_retained in told.heard))

    def retained() -> dict[str, bytes]:
        with closing(Listener(broker.port)) as listener:
            listener.say("last", b"what was retained came before")
            until(lambda: bool(listener.of("last")))
            return {topic: payload for topic, payload, _ in listener.heard}

    run(tmp_path / "other.db", "door")  # another device, of the same prefix
    run(tmp_path / "o.db", "till", "old name")
    run(tmp_path / "o.db", "till", only_some=True)  # somebody tries a camera of the config file
    run(tmp_path / "o.db", is_patient=False)  # or a picture
    assert {"s/old-name/here", "s/old-name/status"} < set(retained())
    run(tmp_path / "o.db", "till", "new")
    found = retained()
    assert not [topic for topic in found if "old" in topic]
    assert {"s/door/status", "s/till/status", "s/new/status"} < set(found)
    told = json.loads(found["homeassistant/device/s/config"])["components"]
    assert told["old-name_camera"] == {"platform": "binary_sensor"}  # Home Assistant forgets it
    assert {one["platform"] for key, one in told.items() if "old" in key} == {
        "sensor", "binary_sensor", "event", "image",
    }  # fmt: skip
    assert "unique_id" in told["new_here"]
    run(tmp_path / "o.db", "till", "new")
    assert b"old-name" not in retained()["homeassistant/device/s/config"]


def test_a_broker_that_lets_nobody_take_back_what_is_retained_gets_events_all_the_same(
    tmp_path, opened
):
    """An access list of the new cameras alone. Told of in MQTT 5."""
    rules = tmp_path / "rules"
    rules.write_text(
        "topic readwrite s/till/#\ntopic readwrite s/status\ntopic readwrite s/health\n"
    )
    tmp_path.chmod(0o755)
    broker = Broker(tmp_path, f"allow_anonymous true\nacl_file {rules}\nuser root")
    opened.callback(broker.stop)
    broker.start()
    box = Outbox(tmp_path / "o.db", ["x"])
    opened.callback(box.close)
    box.announce(f"mqtt://127.0.0.1:{broker.port}/s", {"old"})
    nothing = CarrierSite("box", ("till",), dict, lambda _: Counts())
    site = nothing._replace(announced=box.announced, announce=box.announce)
    text = f"mqtt://127.0.0.1:{broker.port}/s#discovery=off"
    carrier = open_carrier(parse_target(text, SINKS), site)
    opened.callback(carrier.close)
    for _ in range(mqtt.TRIES):
        with pytest.raises(SinkError, match="gone: refused with code 0x87"):
            carrier.tend()
    carrier.tend()
    assert box.announced(carrier.name) == {"old", "till"}  # the next run tries again


def test_discovery_can_be_left_out(tmp_path, broker, opened):
    listener = opened.enter_context(closing(Listener(broker.port)))
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/s#discovery=off").start()
    opened.callback(sending.close)
    until(lambda: bool(listener.of("s/health")))
    assert not [topic for topic, _, _ in listener.heard if "homeassistant" in topic]


def test_the_last_will_says_that_we_are_gone(tmp_path, broker, opened):
    listener = opened.enter_context(closing(Listener(broker.port)))
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/s")
    sending.carrier.tend()
    until(lambda: listener.of("s/status") == [b"online"])
    sending.carrier.broker._client._sock.close()  # as a power cut does
    until(lambda: listener.of("s/status") == [b"online", b"offline"])
    opened.callback(sending.close)


def test_a_broker_that_is_not_there_is_no_error_at_the_start(tmp_path, caplog):
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{free_port()}/s")
    sending.outbox.accept(events(3))
    assert sending.delivery.once() > 0
    assert sending.delivery.once() > 0
    health = sending.delivery.health
    assert (health.counts.owed, health.failures) == (3, 2)
    assert "refused" in health.last_error
    assert caplog.text.count("events wait in the outbox") == 1
    assert "(fix: is a broker at 127.0.0.1:" in caplog.text  # what to do, also in the log
    sending.close()


def test_a_broker_that_goes_and_comes_back_gets_everything(tmp_path, broker, opened):
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/s").start()
    sending.outbox.accept(events(10))
    until(lambda: sending.owed == 0)
    broker.stop()
    sending.outbox.accept(events(500, 100))
    time.sleep(0.3)
    broker.start()
    listener = opened.enter_context(closing(Listener(broker.port)))
    until(lambda: sending.owed == 0)
    until(lambda: len(set(seqs(listener))) >= 400)  # it may have sent some before we listened
    assert seqs(listener) == sorted(seqs(listener))
    assert seqs(listener)[-1] == 510
    sending.close()


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_broker_that_is_away_for_thousands_of_events(tmp_path, broker, opened, count):
    broker.stop()
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/s")
    start = time.perf_counter()
    for n in range(0, count, 10):
        sending.outbox.accept(events(10, n))
    accepted_s = time.perf_counter() - start
    assert sending.owed == count
    broker.start()
    listener = opened.enter_context(closing(Listener(broker.port, "s/+/event")))
    start = time.perf_counter()
    sending.start()
    until(lambda: sending.owed == 0, 600)
    print(f"{count} events: {accepted_s:.1f} s to accept, "  # noqa: T201
          f"{time.perf_counter() - start:.1f} s to deliver")  # fmt: skip
    until(lambda: len(seqs(listener)) >= count)
    assert seqs(listener) == list(range(1, count + 1))
    sending.close()


def test_a_broker_killed_again_and_again_in_the_midst_of_it(tmp_path, broker, opened):
    """What a killed broker took with it, it had acknowledged; everything else comes, in order."""
    sending = Sending(tmp_path / "o.db", f"mqtt://127.0.0.1:{broker.port}/s").start()
    before = 0
    for n in range(5):
        listener = opened.enter_context(closing(Listener(broker.port, "s/+/event")))
        for k in range(20):
            sending.outbox.accept(events(20, 400 * n + 20 * k))
        broker.stop()
        heard = seqs(listener)
        assert heard == sorted(heard)
        assert len(heard) == len(set(heard))  # once a connection
        assert heard[:1] <= [before + 1]  # nothing between what was taken and what comes
        before = max([before, *heard, 400 * (n + 1) - sending.owed])
        broker.start()
    until(lambda: sending.owed == 0)
    assert sending.outbox.counts(sending.name).sent == 2000
    sending.close()


@pytest.fixture
def guarded(tmp_path, opened):
    """A broker that wants a password."""
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("apt-get install mosquitto")
    words = tmp_path / "words"
    words.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(words), "cam", CANARY], check=True)
    words.chmod(0o644)
    tmp_path.chmod(0o755)
    broker = Broker(tmp_path, f"allow_anonymous false\npassword_file {words}\nuser root")
    opened.callback(broker.stop)
    broker.start()
    return broker


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_password_comes_from_a_file_and_a_wrong_one_is_told(tmp_path, guarded, opened, version):
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(CANARY + "\n")
    wrong.write_text(f"{CANARY}-not\n")
    where = f"mqtt://127.0.0.1:{guarded.port}/s#version={version},user=cam,password-file="
    sending = Sending(tmp_path / "w.db", where + str(wrong))
    with pytest.raises(SinkError, match=r"(?i)authori") as caught:
        sending.carrier.tend()
    assert "password-file" in caught.value.fix
    assert CANARY not in str(caught.value)
    sending.close()
    sending = Sending(tmp_path / "r.db", where + str(right)).start()
    sending.outbox.accept(events(3))
    until(lambda: sending.owed == 0)
    sending.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # paho 2.2 leaves a refused socket open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_is_checked_against_the_authority(tmp_path, opened):
    if shutil.which("openssl") is None:
        pytest.skip("apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    broker = Broker(tmp_path, "allow_anonymous true\nuser root",
                    f"certfile {certificate}\nkeyfile {key}")  # fmt: skip
    opened.callback(broker.stop)
    broker.start()
    where = f"mqtts://127.0.0.1:{broker.port}/s"
    stranger = Sending(tmp_path / "a.db", where)
    with pytest.raises(SinkError, match=r"(?i)certificate") as caught:
        stranger.carrier.tend()
    assert "clock of this machine" in caught.value.fix  # in 1970 no certificate is valid yet
    del caught  # and the socket with it, here
    stranger.close()
    sending = Sending(tmp_path / "b.db", f"{where}#ca-file={certificate}").start()
    sending.outbox.accept(events(3))
    until(lambda: sending.owed == 0)
    sending.close()


def test_a_second_client_of_the_same_id_gets_a_hint(tmp_path, broker):
    where = f"mqtt://127.0.0.1:{broker.port}/s#client-id=same"
    first, second = Sending(tmp_path / "a.db", where), Sending(tmp_path / "b.db", where)
    first.carrier.tend()
    second.carrier.tend()
    until(lambda: not first.carrier.broker._client.is_connected())
    with pytest.raises(SinkError, match="the connection ended") as caught:
        first.carrier.tend()
    assert "client-id" in caught.value.fix
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mqtt://h/a+b", "no prefix of a topic"),
        ("mqtt://h/s#version=4", "expected one of 5, 3.1.1"),
        ("mqtt://h/s#verison=5", "'verison' is unknown"),
        ("mqtt://h/s#password-env=HOME", "a password without a user"),
        ("mqtt://h/s#ca-file=x", "are for mqtts"),
        ("mqtts://h/s#ca-file=/nowhere", "No such file"),
        ("mqtt://h:99999/s", "no host in it"),
        ("mqtt://h/s#user=u,password-file=/nowhere", "No such file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(text, says):
    site = CarrierSite("box", (), dict, lambda _: None)
    with pytest.raises(UsageError, match=says.replace("+", r"\+")):
        open_carrier(parse_target(text, SINKS), site)
