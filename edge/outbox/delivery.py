"""From the outbox to one sink: reads, sends, acknowledges, in a thread of its own.

A sink that is away is tried again, ever less often, for as long as it takes; the others do not wait
for it. What was sent and not acknowledged is sent again.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from edge.errors import SinkError
from edge.outage import QUIET_S, Outage
from edge.outbox.box import Outbox
from edge.outbox.health import SinkHealth
from edge.outbox.ledger import Owed
from edge.redact import redacted

log = logging.getLogger(__name__)

BATCH = 100  # events
HANGS_S = 15.0  # a connect, at the end
IDLE_S = 0.5  # between two looks whether there is something
FIRST_S, LONGEST_S = 0.5, 60.0  # the first pause after a failure, and the longest


class EventRefused(SinkError):
    """The first of the events is one that the other side will never take."""


class Later(SinkError):
    """The other side says when to try again."""

    def __init__(self, message: str, after_s: float, *, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.after_s = after_s


class Carrier(Protocol):
    """Takes events to where they go. One thread uses it."""

    name: str  # its address, without credentials: what is owed is noted under it

    def send(self, events: Sequence[Owed]) -> int:
        """How many of the first ones arrived for certain, at least one.

        Raises SinkError when none did, EventRefused when the first one never will.
        """
        ...

    def tend(self) -> None:
        """Nothing is owed: what else there is to do. Raises SinkError."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class Delivery:
    """Opens no thread before `start`; `once` is a step of it."""

    def __init__(
        self, outbox: Outbox, carrier: Carrier, chance: Callable[[], float] = random.random
    ) -> None:
        self._outbox, self._carrier, self._chance = outbox, carrier, chance
        self._failures = 0
        self._outage = Outage(carrier.name, "events wait in the outbox")
        self._quiet_until_s = 0.0  # about refused events
        self._bell = threading.Event()
        self._ends_s = float("inf")  # when to give up, once there is to be an end
        self._thread = threading.Thread(target=self._work, name=f"send {carrier.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def once(self) -> float:
        """Send what is owed, as far as it goes; the seconds to wait before the next time."""
        try:
            is_more = self._send()
        except SinkError as e:
            least_s = e.after_s if isinstance(e, Later) else 0.0
            return max(least_s, self._failed(redacted(e.with_fix)))
        except Exception as e:  # our bug: told, and no reason to be silent for a year
            log.exception("%s: a bug", self._carrier.name)
            return self._failed(redacted(repr(e)))
        self._outage.over()
        self._failures = 0
        return 0.0 if is_more else IDLE_S

    @property
    def health(self) -> SinkHealth:
        counts, disk = self._outbox.counts(self._carrier.name), self._outbox.outage
        error = disk.error if disk.is_on else self._outage.error
        return SinkHealth(self._carrier.name, counts, self._failures, error)

    def end(self, drain_s: float) -> None:
        """Send the rest for as long as `drain_s`; what is left goes out at the next start."""
        self._ends_s = monotonic() + drain_s
        self._bell.set()

    def join(self) -> None:
        """Wait for the end that was asked for; a connect that hangs is not waited for long."""
        self._thread.join(max(0.0, self._ends_s - monotonic()) + HANGS_S)
        if owed := self._outbox.counts(self._carrier.name).owed:
            log.warning("%s: %d events are owed, they go out next time", self._carrier.name, owed)

    def _work(self) -> None:
        while True:
            is_ending = self._bell.is_set()
            wait_s = self.once()
            if is_ending and (wait_s > 0 or monotonic() > self._ends_s):
                break
            self._bell.wait(wait_s)
        self._carrier.close()

    def _send(self) -> bool:
        """True when there may be more."""
        name = self._carrier.name
        events = self._outbox.owed(name, BATCH)
        if not events:
            self._carrier.tend()
            return False
        try:
            done = self._carrier.send(events)
        except EventRefused as e:
            self._tell_refused(events[0].seq, e)
            self._outbox.acknowledge(name, events[0].seq, is_refused=True)
            return True
        self._outbox.acknowledge(name, events[done - 1].seq)
        return True

    def _tell_refused(self, seq: int, why: EventRefused) -> None:
        """Whoever refuses one event may refuse all: logged now and then, and always counted."""
        is_due = monotonic() >= self._quiet_until_s
        if is_due:
            self._quiet_until_s = monotonic() + QUIET_S
        level = logging.ERROR if is_due else logging.DEBUG
        log.log(level, "%s: event %d is refused for good: %s", self._carrier.name, seq, why)

    def _failed(self, why: str) -> float:
        self._failures += 1
        self._outage.met(why)
        return pause_s(self._failures, self._chance())


def pause_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row.

    chance  0..1, by which many devices do not come back to a broker at the same moment
    """
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 20))
    return longest * (0.5 + 0.5 * chance)
