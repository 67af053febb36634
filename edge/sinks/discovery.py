"""What Home Assistant is told of this device, so that its entities appear by themselves. Pure.

One message for the whole device (Home Assistant 2024.11 and later): sensors of each camera, and
what is owed. Told again on every connect, and whenever Home Assistant says that it was started.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from edge import __version__

EXPIRES_S = 180  # a state that nobody confirmed for so long is unknown
AVAILABLE = "{{ 'online' if value in ('online', 'degraded') else 'offline' }}"
PAGE = "https://pypi.org/project/edge-tag/"


def device_id(prefix: str) -> str:
    """`edge-tag/pi.shop` -> `edge-tag_pi-shop`: Home Assistant takes no dot in a topic."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", prefix.replace("/", "_"))


def discovery(
    prefix: str,
    device: str,
    cameras: Mapping[str, str],
    gone: Collection[str] = (),
    *,
    has_pictures: bool = False,
) -> dict[str, Any]:
    """The payload of `<discovery>/device/<id>/config`.

    cameras       its part of a topic -> its name
    gone          parts of topics of cameras that were told before: their entities go
    has_pictures  a snapshot of each is sent, too
    """
    number = device_id(prefix)
    is_here = {"topic": f"{prefix}/status", "value_template": AVAILABLE}
    components = {"owed": _owed(prefix, number)}
    for part, name in cameras.items():
        shown = _shown(f"{prefix}/{part}", f"{number}_{part}", name, has_pictures=has_pictures)
        # what a camera shows is unknown while it is away; that it is away is known
        also = {
            "availability": [is_here, {"topic": f"{prefix}/{part}/status"}],
            "availability_mode": "all",
        }
        components |= {f"{part}_{key}": one | also for key, one in shown.items()}
        components[f"{part}_camera"] = _connected(f"{prefix}/{part}", f"{number}_{part}", name)
    for part in gone:  # a component of nothing but its platform is taken away
        known = _shown("", "", "", has_pictures=True) | {"camera": _connected("", "", "")}
        components |= {f"{part}_{key}": {"platform": one["platform"]} for key, one in known.items()}
    return {
        **_about(number, device),
        "availability": [is_here],
        "components": components,
        "qos": 1,
    }


def _about(number: str, device: str) -> dict[str, Any]:
    return {
        "device": {
            "identifiers": [number],
            "name": f"edge-tag {device}",
            "manufacturer": "edge-tag",
            "model": "tagger",
            "sw_version": __version__,
        },
        "origin": {"name": "edge-tag", "sw_version": __version__, "support_url": PAGE},
    }


def _shown(topic: str, number: str, name: str, *, has_pictures: bool) -> dict[str, dict[str, Any]]:
    """What a camera shows. `topic` and `number` are its own."""
    found = {
        "here": _here(topic, number, name),
        "occupied": _occupied(topic, number, name),
        "last": _last(topic, number, name),
        "event": _event(topic, number, name),
    }
    return found | ({"snapshot": _snapshot(topic, number, name)} if has_pictures else {})


def _here(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "unique_id": f"{number}_here",
        "name": f"{name} things",
        "state_topic": f"{topic}/here",
        "value_template": "{{ value_json.count }}",
        "json_attributes_topic": f"{topic}/here",
        "state_class": "measurement",
        "expire_after": EXPIRES_S,
    }


def _occupied(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "unique_id": f"{number}_occupied",
        "name": f"{name} occupied",
        "device_class": "occupancy",
        "state_topic": f"{topic}/here",
        "value_template": "{{ 'ON' if value_json.count > 0 else 'OFF' }}",
        "expire_after": EXPIRES_S,
    }


def _last(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "unique_id": f"{number}_last",
        "name": f"{name} last tag",
        "state_topic": f"{topic}/event",
        "value_template": "{{ value_json.after.label }}",
        "json_attributes_topic": f"{topic}/event",
        "json_attributes_template": "{{ value_json.after | tojson }}",
    }


def _event(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "event",
        "unique_id": f"{number}_event",
        "name": f"{name} event",
        "state_topic": f"{topic}/event",
        "event_types": ["new", "update", "end"],
        "value_template": "{{ {'event_type': value_json.type, 'label': value_json.after.label,"
        " 'id': value_json.after.id, 'score': value_json.after.score} | tojson }}",
    }


def _snapshot(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "image",
        "unique_id": f"{number}_snapshot",
        "name": f"{name} last thing",
        "image_topic": f"{topic}/snapshot",
        "content_type": "image/jpeg",
    }


def _connected(topic: str, number: str, name: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "unique_id": f"{number}_camera",
        "name": f"{name} camera",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": f"{topic}/status",
        "payload_on": "online",
        "payload_off": "offline",
        "expire_after": EXPIRES_S,
    }


def _owed(prefix: str, number: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "unique_id": f"{number}_owed",
        "name": "Events owed",
        "entity_category": "diagnostic",
        "state_topic": f"{prefix}/health",
        "value_template": "{{ value_json.owed }}",
        "state_class": "measurement",
        "json_attributes_topic": f"{prefix}/health",
        "expire_after": EXPIRES_S,
    }
