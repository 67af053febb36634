"""The broker of the soak, for tests."""

from __future__ import annotations

from benchmarks.brokers import LIMIT_S, MOSQUITTO, Broker, Listener, free_port, until

__all__ = ["LIMIT_S", "MOSQUITTO", "Broker", "Listener", "free_port", "until"]
