"""MQTT 5 and 3.1.1 through paho-mqtt (extra `mqtt`): events, who is there, Home Assistant.

    <prefix>/status          retained: online; stopped; offline (the last will)
    <prefix>/<camera>/event  QoS 1: an event, in the order of `seq`
    <prefix>/<camera>/here   retained: {"count": 2, "labels": {"Banana": 2}}
    <prefix>/health          retained: {"owed": 0, "sent": 41, "dropped": 0, "refused": 0}
    homeassistant/device/<id>/config   retained: see `discovery`

A connection is a client of its own: what the old one had not acknowledged is in the outbox, and
nowhere else, so nothing is sent in another order by a queue inside paho. No broker, no matter: it
is tried again, and the start does not wait for it.
"""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.errors import SinkError, UsageError
from edge.outbox.box import Owed
from edge.outbox.delivery import EventRefused
from edge.pictures.stems import stem_of
from edge.redact import Secret, redacted
from edge.sinks import Site
from edge.sinks.discovery import device_id, discovery
from edge.sinks.target import Target

ANSWER_S = 10.0  # to connect, and to acknowledge
SLICE_S = 0.1
REPEAT_S = 60.0  # states that did not change are told again
KEEPALIVE_S = 30
MOST_BYTES = 1 << 16  # of a packet to us: "online" is all that we want to hear
NEVER = {0x90, 0x95, 0x99}  # topic name invalid, packet too large, payload format invalid
VERSIONS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}


class Address(msgspec.Struct, frozen=True):
    """Where, and as whom."""

    name: str  # for people, without credentials
    host: str
    port: int
    prefix: str
    client_id: str
    version: str
    is_tls: bool
    discovery: str  # Home Assistant's prefix; empty: it is not told
    user: str
    files: tuple[str, str, str]  # authority, certificate, key; empty: the system's, none, none


class _After(msgspec.Struct):
    camera: str


class _Head(msgspec.Struct):
    """Of an event, what makes its topic."""

    after: _After


class Mqtt:
    """A `Carrier`."""

    def __init__(self, address: Address, password: Secret | None, site: Site) -> None:
        self.name = address.name
        self._address, self._password, self._site = address, password, site
        self._cameras = {stem_of(name): name for name in site.cameras}
        self._topics: dict[str, str] = {}  # camera -> its part of a topic
        self._client: paho.Client | None = None
        self._answered = threading.Event()
        self._refusal = ""  # of the connection; empty: it stands
        self._codes: dict[int, int] = {}  # of a message's acknowledgement that is a refusal
        self._is_born = False  # Home Assistant was started
        self._told: dict[str, bytes] = {}  # topic -> retained state
        self._told_s = -REPEAT_S

    def send(self, events: Sequence[Owed]) -> int:
        client = self._connected()
        self._codes.clear()
        topics = list(self._topics_of(events))
        sent = [client.publish(t, event.body, qos=1) for t, event in zip(topics, events)]
        ends_s, done = monotonic() + ANSWER_S, 0
        for info in sent:
            if not self._is_taken(client, info, ends_s):
                break
            if self._codes.get(info.mid, 0):
                break
            done += 1
        if done < len(sent):
            code = self._codes.get(sent[done].mid, 0)
            why = self._refusal or f"no answer within {ANSWER_S:g} s"
            self._leave()
            self._judge(done, code, why)
        self._tell(client)
        return done

    def tend(self) -> None:
        self._tell(self._connected())

    def close(self) -> None:
        client = self._client
        if client is not None and client.is_connected():
            info = client.publish(f"{self._address.prefix}/status", b"stopped", 1, retain=True)
            self._is_taken(client, info, monotonic() + 2.0)
        self._leave()

    # Sending.

    def _judge(self, done: int, code: int, why: str) -> None:
        """Why the next one did not arrive."""
        if done:
            return
        if code in NEVER:
            raise EventRefused(f"{self.name}: refused with code 0x{code:02x}")
        why = f"refused with code 0x{code:02x}" if code else why
        raise SinkError(f"{self.name}: {why}", fix="look at the broker's log")

    def _is_taken(self, client: paho.Client, info: paho.MQTTMessageInfo, ends_s: float) -> bool:
        try:
            while not info.is_published():
                if monotonic() > ends_s or not client.is_connected():
                    return False
                info.wait_for_publish(SLICE_S)
        except (RuntimeError, ValueError):  # the connection is gone
            return False
        return True

    def _topics_of(self, events: Sequence[Owed]) -> Iterator[str]:
        """Up to the first body that a disk has damaged, which alone is refused in its turn."""
        for n, event in enumerate(events):
            try:
                camera = msgspec.json.decode(event.body, type=_Head).after.camera
            except msgspec.DecodeError as e:
                if n == 0:
                    raise EventRefused(f"{self.name}: event {event.seq} is damaged: {e}") from e
                return
            yield self._topic(camera)

    def _topic(self, camera: str) -> str:
        if camera not in self._topics:
            if len(self._topics) > 1000:  # a folder of pictures
                self._topics.clear()
            self._topics[camera] = stem_of(camera)
        return f"{self._address.prefix}/{self._topics[camera]}/event"

    def _tell(self, client: paho.Client) -> None:
        """The states that changed; all of them, when it is time or somebody needs them."""
        if self._is_born:
            self._is_born = False
            self._told.clear()
            self._discover(client)
        if monotonic() - self._told_s >= REPEAT_S:
            self._told.clear()
            self._told_s = monotonic()
        for topic, state in self._states().items():
            if self._told.get(topic) != state:
                client.publish(topic, state, qos=1, retain=True)
                self._told[topic] = state

    def _states(self) -> dict[str, bytes]:
        prefix, here = self._address.prefix, self._site.here()
        states = {}
        for part, name in self._cameras.items():
            labels = here.get(name, {})
            state = {"count": sum(labels.values()), "labels": labels}
            states[f"{prefix}/{part}/here"] = msgspec.json.encode(state)
        states[f"{prefix}/health"] = msgspec.json.encode(self._site.counts(self.name))
        return states

    def _discover(self, client: paho.Client) -> None:
        address = self._address
        if address.discovery:
            payload = discovery(address.prefix, self._site.device, self._cameras)
            topic = f"{address.discovery}/device/{device_id(address.prefix)}/config"
            client.publish(topic, msgspec.json.encode(payload), qos=1, retain=True)

    # Connecting.

    def _connected(self) -> paho.Client:
        """A client that is connected, a new one if need be. Raises SinkError."""
        if self._client is not None and self._client.is_connected():
            return self._client
        why = self._refusal
        self._leave()
        if why:
            raise SinkError(f"{self.name}: {why}", fix=self._fix(why))
        client = self._client = self._new_client()
        self._answered.clear()
        try:
            client.connect(
                self._address.host,
                self._address.port,
                KEEPALIVE_S,
                properties=_bounds() if self._address.version == "5" else None,
            )
        except (OSError, ValueError) as e:  # ssl's errors are OSErrors
            self._leave()
            raise SinkError(f"{self.name}: {self._redacted(e)}", fix=self._fix("")) from None
        client.loop_start()
        if not self._answered.wait(ANSWER_S) or self._refusal:
            why = self._refusal or f"no answer within {ANSWER_S:g} s"
            self._leave()
            raise SinkError(f"{self.name}: {why}", fix=self._fix(why))
        self._greet(client)
        return client

    def _greet(self, client: paho.Client) -> None:
        client.publish(f"{self._address.prefix}/status", b"online", qos=1, retain=True)
        if self._address.discovery:
            client.subscribe(f"{self._address.discovery}/status", qos=1)
        self._told.clear()
        self._discover(client)

    def _new_client(self) -> paho.Client:
        address = self._address
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=VERSIONS[address.version],
            clean_session=None if address.version == "5" else True,
            reconnect_on_failure=False,
        )
        if address.user:
            password = self._password.reveal() if self._password else None
            client.username_pw_set(address.user, password)
        if address.is_tls:
            authority, certificate, key = (file or None for file in address.files)
            client.tls_set(authority, certificate, key, cert_reqs=ssl.CERT_REQUIRED)
        client.connect_timeout = ANSWER_S
        client.will_set(f"{address.prefix}/status", b"offline", qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        return client

    def _leave(self) -> None:
        client, self._client = self._client, None
        self._refusal = ""
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()

    def _fix(self, why: str) -> str:
        if "uthor" in why or "assword" in why:  # a hint for people, nothing is decided by it
            return "#user=NAME,password-file=FILE behind the address"
        if "ended" in why:
            return "is there another client of the same id? #client-id=NAME behind the address"
        return f"is a broker at {self._address.host}:{self._address.port}?"

    def _redacted(self, error: Exception) -> str:
        return redacted(str(error) or type(error).__name__, filter(None, [self._password]))

    # Called by paho, in its thread.

    def _on_connect(self, client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
        self._refusal = f"the broker says {code}" if code.is_failure else ""
        self._answered.set()

    def _on_disconnect(
        self, client: Any, data: Any, flags: Any, code: Any, properties: Any
    ) -> None:
        if client is self._client:
            self._refusal = self._refusal or f"the connection ended: {code}"
            self._answered.set()

    def _on_publish(self, client: Any, data: Any, mid: int, code: Any, properties: Any) -> None:
        if code.is_failure:
            self._codes[mid] = code.value

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        if message.payload == b"online":  # anything else is none of ours
            self._is_born = True


def _bounds() -> Properties:
    """Nobody may fill our memory through the broker (MQTT 5; 3.1.1 knows no limit)."""
    bounds = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    bounds.MaximumPacketSize = MOST_BYTES
    return bounds


def open_from(target: Target, site: Site) -> Mqtt:
    """No broker is asked yet. Raises UsageError."""
    parts, is_tls = target.address, target.kind == "mqtts"
    prefix = parts.path.strip("/") or f"edge-tag/{stem_of(f'camera:{site.device}')}"
    if any(c in prefix for c in "+#\0") or "//" in prefix or len(prefix) > 200:
        raise UsageError(f"{target.shown}: {prefix!r} is no prefix of a topic, expected a/b")
    assert parts.hostname is not None
    port = parts.port or (8883 if is_tls else 1883)
    digest = hashlib.sha256(f"{site.device}/{prefix}".encode()).hexdigest()[:8]
    files = (target.text("ca-file"), target.text("cert-file"), target.text("key-file"))
    found = target.text("discovery", "homeassistant")
    address = Address(
        name=f"{target.kind}://{parts.netloc}/{prefix}",
        host=parts.hostname,
        port=port,
        prefix=prefix,
        client_id=target.text("client-id", f"edge-tag-{digest}"),
        version=target.word("version", "5", tuple(VERSIONS)),
        is_tls=is_tls,
        discovery="" if found == "off" else found.strip("/"),
        user=target.text("user"),
        files=files,
    )
    password = target.secret("password")
    target.done()
    _check(target, address, password)
    return Mqtt(address, password, site)


def _check(target: Target, address: Address, password: Secret | None) -> None:
    if password is not None and not address.user:
        raise UsageError(f"{target.shown}: a password without a user, expected user=NAME too")
    if any(address.files) and not address.is_tls:
        raise UsageError(f"{target.shown}: ca-file, cert-file and key-file are for mqtts://")
    if address.is_tls:
        try:
            context = ssl.create_default_context(cafile=address.files[0] or None)
            if address.files[1]:
                context.load_cert_chain(address.files[1], address.files[2] or None)
        except (OSError, ssl.SSLError) as e:
            raise UsageError(f"{target.shown}: certificates: {e}") from e
