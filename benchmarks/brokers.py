"""A real broker: mosquitto on a free port of loopback, and somebody who listens to it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
LIMIT_S = 20.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def until(is_so: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Waits for it; fails where that takes far too long."""
    ends_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.01)


class Broker:
    """It may be stopped and started again, on the same port."""

    def __init__(self, folder: Path, more: str = "", listener: str = "") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}\n"
            f"persistence false\nlog_type error\n{more or 'allow_anonymous true'}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Every message that came, in order: (topic, payload, is_retained)."""

    def __init__(self, port: int, topic: str = "#") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(1000)
        self._subscribed = False
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(topic, qos=1)
        until(lambda: self._subscribed)

    def of(self, topic: str) -> list[bytes]:
        return [payload for where, payload, _ in self.heard if where == topic]

    def say(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(LIMIT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload, message.retain))
