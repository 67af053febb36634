"""The service manager is told how it goes: sd_notify(3), without a library.

READY after the first frame that went through the engine, WATCHDOG only when another one did, or
while every camera is known to be away and tried again: another start brings none back. A process
that hangs, in an engine or a driver, is started again. No timer feeds the dog.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from time import monotonic

log = logging.getLogger(__name__)

OPENING_S = 900.0
EXTEND_S = 60.0  # by which a start may take longer, as often as it is said


class Notify:
    """Says nothing where nobody listens. environ: as systemd sets it; clock: seconds."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = monotonic
    ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self.watchdog_s = _watchdog_s(environ)  # None: no dog
        self._is_ready = self._is_stopping = self._is_deaf = False
        self._fed_s = float("-inf")

    def opening(self) -> None:
        """An engine may compile for minutes."""
        self.say("STATUS=the engine is opened", f"EXTEND_TIMEOUT_USEC={OPENING_S * 1e6:.0f}")

    def progressed(self, status: str) -> None:
        """A frame went through the engine."""
        now_s = self._clock()
        if not self._is_ready:
            self._fed_s = now_s
            self._is_ready = self.say("READY=1", f"STATUS={status}", "WATCHDOG=1")
        elif self.watchdog_s is not None and now_s - self._fed_s >= self.watchdog_s / 4:
            self._fed_s = now_s
            self.say("WATCHDOG=1", f"STATUS={status}")

    def waits(self, status: str) -> None:
        """Say that no frame can come now, and why. Before READY the start is given more time:
        another start would not help.
        """
        if self._is_ready:
            self.progressed(status)
        elif self._clock() - self._fed_s >= EXTEND_S / 4:
            self._fed_s = self._clock()
            self.say(f"EXTEND_TIMEOUT_USEC={EXTEND_S * 1e6:.0f}", f"STATUS={status}")

    def stopping(self) -> None:
        """The end has begun: events are still on their way. Once."""
        if not self._is_stopping:
            self._is_stopping = True
            self.say("STOPPING=1")

    def say(self, *lines: str) -> bool:
        """False when it was not heard. Never raises: nobody is to stop because nobody listens."""
        if not self._address:
            return True
        text = "\n".join(line.replace("\n", " ") for line in lines)
        socket = import_module("socket")  # not loaded where no service manager listens
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.setblocking(False)
                to.connect(_path(self._address))
                to.send(text.encode("utf-8", "replace"))
        except OSError as e:
            log.log(logging.DEBUG if self._is_deaf else logging.WARNING, "NOTIFY_SOCKET: %s", e)
            self._is_deaf = True
            return False
        self._is_deaf = False
        return True


def _path(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address  # @ is an abstract one


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Seconds within which progress is expected; None when it is not expected of this process."""
    try:
        limit_s = int(environ.get("WATCHDOG_USEC", "")) / 1e6
        whose = int(environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return limit_s if limit_s > 0 and whose == os.getpid() else None
