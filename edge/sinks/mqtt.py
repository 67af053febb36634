"""MQTT: events, who is there, how we are, Home Assistant.

    <prefix>/status           retained: online, degraded (some camera gives nothing); stopped;
                              offline (the last will)
    <prefix>/<camera>/event   QoS 1: an event, in the order of `seq`
    <prefix>/<camera>/here    retained: {"count": 2, "labels": {"Banana": 2}}
    <prefix>/<camera>/status  retained: online, offline
    <prefix>/<camera>/snapshot  retained, with pictures=on: a JPEG of what came last
    <prefix>/health           retained: {"owed": 0, "sent": 41, "dropped": 0, ...}
    homeassistant/device/<id>/config   retained: see `discovery`

No broker, no matter: it is tried again, and the start does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic

import msgspec

from edge.errors import SinkError
from edge.outbox.delivery import EventRefused
from edge.outbox.ledger import Owed
from edge.pictures.stems import stem_of
from edge.redact import Secret
from edge.sinks import CarrierSite
from edge.sinks.broker import Arrived, Broker
from edge.sinks.discovery import device_id, discovery
from edge.sinks.mqtt_address import Address, address_of
from edge.sinks.target import Target
from edge.strict import NOT_JSON, decoded

REPEAT_S = 60.0  # states that did not change are told again
COUNTED_S = 5.0  # between two times that counts are told: they change with each event
LOG = "look at the broker's log"
TRIES = 3  # to take back what is retained: a broker that lets nobody must not hold up events
NEVER = {0x90, 0x95, 0x99}  # topic name invalid, packet too large, payload format invalid


class _After(msgspec.Struct):
    camera: str


class _Head(msgspec.Struct):
    """Of an event, what makes its topic."""

    after: _After


class Mqtt:
    """A `Carrier`."""

    def __init__(self, address: Address, password: Secret | None, site: CarrierSite) -> None:
        self.name = address.name
        self._prefix, self._discovery, self._site = address.prefix, address.discovery, site
        will = f"{address.prefix}/status", b"offline"
        self.broker = Broker(address, password, will, self._on_message)
        self._cameras = {stem_of(name): name for name in site.cameras}
        self._gone: set[str] = set()  # cameras of earlier runs
        self._tries = TRIES
        self._is_born = False  # a connection, or Home Assistant, is new
        self._has_pictures = address.has_pictures
        self._shown: dict[str, str] = {}  # camera -> id of the thing whose picture was sent
        self._arrived: set[str] = set()  # cameras whose picture did for certain
        self._told: dict[str, bytes] = {}  # topic -> retained state
        self._told_s = self._counted_s = 0.0

    def send(self, events: Sequence[Owed]) -> int:
        self._greet()
        topics = list(self._topics_of(events))
        bodies = [event.body for event in events]
        arrived = self.broker.deliver(list(zip(topics, bodies)))
        if arrived.done == 0:
            raise self._refused(arrived)
        if arrived.done == len(topics):
            self._tell()
        return arrived.done

    def tend(self) -> None:
        self._greet()
        self._tell()
        if self._has_pictures:
            self._show()

    def close(self) -> None:
        self.broker.last_words(f"{self._prefix}/status", b"stopped")

    def _greet(self) -> None:
        """On a new connection everything is told anew. Raises SinkError where there is none."""
        if self.broker.connect():
            if self._discovery:
                self.broker.hear(f"{self._discovery}/status")
            self._is_born = True
            self._forget_cameras()
            self._tell()
            self._forget_pictures()

    def _forget_cameras(self) -> None:
        """What earlier runs left at the broker of cameras that have another name now, or none: it
        would be retained for ever. Of those alone, as others may share the prefix.
        """
        before, now = set(self._site.announced(self.name)), set(self._cameras)
        gone = before - now
        self._gone |= gone
        if not now <= before:
            self._site.announce(self.name, before | now)  # first: whoever is killed knows of both
        if gone and self._tries:
            self._tries -= 1
            ends = ("here", "status", "snapshot")
            topics = [f"{self._prefix}/{part}/{end}" for part in sorted(gone) for end in ends]
            arrived = self.broker.deliver([(topic, b"") for topic in topics], is_retained=True)
            if arrived.done < len(topics):
                raise SinkError(f"{self.name}: cameras that are gone: {_why(arrived)}", fix=LOG)
            self._site.announce(self.name, now)

    def _refused(self, arrived: Arrived) -> SinkError:
        """Why the first one did not arrive."""
        kind = EventRefused if arrived.code in NEVER else SinkError
        return kind(f"{self.name}: {_why(arrived)}", fix=LOG)

    def _topics_of(self, events: Sequence[Owed]) -> Iterator[str]:
        """Up to the first body that a disk has damaged, which alone is refused in its turn."""
        for n, event in enumerate(events):
            try:
                camera = decoded(event.body, _Head).after.camera
            except NOT_JSON as e:
                if n == 0:
                    raise EventRefused(
                        f"{self.name}: event {event.seq} is damaged: {e}",
                        fix="look after the disk of the outbox",
                    ) from e
                return
            yield f"{self._prefix}/{stem_of(camera)}/event"

    def _tell(self) -> None:
        """The states that changed; all of them, when it is time or somebody needs them."""
        is_born = self._is_born
        if is_born:
            self._is_born = False  # first: paho's thread may set it again meanwhile
            self._discover()
        if is_born or monotonic() - self._told_s >= REPEAT_S:
            self._told.clear()
            self._told_s = monotonic()
        for topic, state in self._states().items():
            if self._told.get(topic) != state:
                self.broker.keep(topic, state)
                self._told[topic] = state

    def _show(self) -> None:
        """Once nothing is owed, and waited for: no event waits behind a picture, which a slow link
        takes a minute for. One that does not arrive is not sent again, nor on the next connection.
        """
        for part, name in self._cameras.items():
            found = self._site.latest(name, self._shown.get(name, ""))
            if found is not None:
                self._shown[name], picture = found
                self._arrived.discard(name)
                topic = f"{self._prefix}/{part}/snapshot"
                arrived = self.broker.deliver([(topic, picture)], is_retained=True)
                if not arrived.done:
                    raise SinkError(f"{self.name}: a picture: {arrived.why}", fix=LOG)
                self._arrived.add(name)

    def _forget_pictures(self) -> None:
        """What an earlier run left at the broker is none of today's; what arrived is sent anew."""
        for name in self._arrived:
            del self._shown[name]
        self._arrived.clear()
        for part, name in self._cameras.items():
            if self._has_pictures and self._site.latest(name, "") is None:
                self.broker.keep(f"{self._prefix}/{part}/snapshot", b"")

    def _states(self) -> dict[str, bytes]:
        prefix, here, ailing = self._prefix, self._site.here(), self._site.ailing()
        states = {f"{prefix}/status": b"degraded" if ailing else b"online"}
        for part, name in self._cameras.items():
            if here is not None:
                labels = here.get(name, {})
                state = {"count": sum(labels.values()), "labels": labels}
                states[f"{prefix}/{part}/here"] = msgspec.json.encode(state)
            states[f"{prefix}/{part}/status"] = b"offline" if name in ailing else b"online"
        health = f"{prefix}/health"
        if health not in self._told or monotonic() - self._counted_s >= COUNTED_S:
            self._counted_s = monotonic()
            states[health] = msgspec.json.encode(self._site.counts(self.name))
        return states

    def _discover(self) -> None:
        if self._discovery:
            device, cameras = self._site.device, self._cameras
            payload = discovery(
                self._prefix, device, cameras, sorted(self._gone), has_pictures=self._has_pictures
            )
            topic = f"{self._discovery}/device/{device_id(self._prefix)}/config"
            self.broker.keep(topic, msgspec.json.encode(payload))

    def _on_message(self, payload: bytes) -> None:
        """In paho's thread."""
        if payload == b"online":  # anything else is none of ours
            self._is_born = True


def _why(arrived: Arrived) -> str:
    return f"refused with code 0x{arrived.code:02x}" if arrived.code else arrived.why


def open_from(target: Target, site: CarrierSite) -> Mqtt:
    """No broker is asked yet. Raises UsageError."""
    address, password = address_of(target, site.device)
    return Mqtt(address, password, site)
