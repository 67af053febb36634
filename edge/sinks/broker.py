"""A connection to an MQTT broker, 5 or 3.1.1, through paho-mqtt (extra `mqtt`).

Each connection is a client of its own: what the old one had not acknowledged is in the outbox, and
nowhere else, so nothing is sent in another order by a queue inside paho.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.errors import NOT_TRUSTED, SinkError
from edge.redact import Secret, redacted
from edge.sinks.mqtt_address import Address

ANSWER_S = 10.0  # to connect, and to acknowledge
SLOWEST = 1000.0  # bytes a second of a link that is of use: a ship's is a satellite
SLICE_S = 0.1
KEEPALIVE_S = 30
MOST_BYTES = 1 << 16  # of a packet to us: "online" is all that we want to hear
VERSIONS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}


class Arrived(NamedTuple):
    """How many of some messages did for certain, and why the next one did not."""

    done: int
    code: int = 0  # the broker's refusal of that one; 0: it did not say
    why: str = ""


class Broker:
    """`will` is said, retained, once we are gone; `heard` is told what comes, in paho's thread."""

    def __init__(
        self,
        address: Address,
        password: Secret | None,
        will: tuple[str, bytes],
        heard: Callable[[bytes], None],
    ) -> None:
        self._address, self._password = address, password
        self._will, self._heard = will, heard
        self._client: paho.Client | None = None
        self._answered = threading.Event()
        self._refusal = ""  # of the connection; empty: it stands
        self._codes: dict[int, int] = {}  # of a message's acknowledgement that is a refusal

    def connect(self) -> bool:
        """True when the connection is a new one. Raises SinkError."""
        if self._client is not None and self._client.is_connected():
            return False
        if why := self._refusal:
            raise self._left(why)
        self.leave()
        client = self._client = self._new_client()
        self._answered.clear()
        bounds = _bounds() if self._address.version == "5" else None
        host, port = self._address.host, self._address.port
        try:
            client.connect(host, port, KEEPALIVE_S, properties=bounds)
        except (OSError, ValueError) as e:  # ssl's errors are OSErrors
            raise self._left(self._redacted(e)) from None
        client.loop_start()
        if not self._answered.wait(ANSWER_S) or self._refusal:
            raise self._left(self._refusal or f"no answer within {ANSWER_S:g} s")
        return True

    def keep(self, topic: str, payload: bytes) -> None:
        """A retained state: the newest counts, nobody waits for it."""
        if self._client is not None:
            self._client.publish(topic, payload, qos=1, retain=True)

    def hear(self, topic: str) -> None:
        if self._client is not None:
            self._client.subscribe(topic, qos=1)

    def deliver(
        self, messages: Sequence[tuple[str, bytes]], *, is_retained: bool = False
    ) -> Arrived:
        """In their order; after one that did not arrive there is no connection."""
        client = self._client
        if client is None:
            return Arrived(0)
        self._codes.clear()
        sent = [client.publish(topic, payload, 1, is_retained) for topic, payload in messages]
        on_its_way_s = sum(len(payload) for _, payload in messages) / SLOWEST
        ends_s = monotonic() + ANSWER_S + on_its_way_s
        for done, info in enumerate(sent):
            is_taken = self._is_taken(client, info, ends_s)
            code = self._codes.get(info.mid, 0)
            if code or not is_taken:
                why = self._refusal or f"no answer within {ANSWER_S + on_its_way_s:.0f} s"
                self.leave()
                return Arrived(done, code, why)
        return Arrived(len(sent))

    def last_words(self, topic: str, payload: bytes) -> None:
        """Said, as far as it goes, and gone."""
        client = self._client
        if client is not None and client.is_connected():
            self._is_taken(client, client.publish(topic, payload, 1, retain=True), monotonic() + 2)
        self.leave()

    def leave(self) -> None:
        client, self._client = self._client, None
        self._refusal = ""
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()

    def _is_taken(self, client: paho.Client, info: paho.MQTTMessageInfo, ends_s: float) -> bool:
        try:
            while not info.is_published():
                if monotonic() > ends_s or not client.is_connected():
                    return False
                info.wait_for_publish(SLICE_S)
        except (RuntimeError, ValueError):  # the connection is gone
            return False
        return True

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
        topic, payload = self._will
        client.will_set(topic, payload, qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        return client

    def _left(self, why: str) -> SinkError:
        self.leave()
        return SinkError(f"{self._address.name}: {why}", fix=self._fix(why))

    def _fix(self, why: str) -> str:
        if "uthor" in why or "assword" in why:  # a hint for people, nothing is decided by it
            return "#user=NAME,password-file=FILE behind the address"
        if "CERTIFICATE_VERIFY_FAILED" in why:
            return NOT_TRUSTED
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
        self._heard(bytes(message.payload))


def _bounds() -> Properties:
    """Nobody may fill our memory through the broker (MQTT 5; 3.1.1 knows no limit)."""
    bounds = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    bounds.MaximumPacketSize = MOST_BYTES
    return bounds
