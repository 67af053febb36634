"""Everyone who was named with `--to`, opened together: files, pictures, brokers, webhooks.

What may be away gets its events out of the outbox; that is opened, and its modules are loaded,
when there is such a one.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SinkError, UsageError
from edge.events.zones import ZoneRules
from edge.sinks import SINKS, Site, open_album, open_carrier, open_sink
from edge.sinks.steady import SteadySink
from edge.sinks.target import Target, parse_target

if TYPE_CHECKING:
    from edge.outbox.box import Outbox
    from edge.outbox.delivery import Carrier, Delivery
    from edge.outbox.health import FileHealth, SinkHealth
    from edge.outbox.reporter import Album, Reporter, Witness

log = logging.getLogger(__name__)

DRAIN_S = 5.0  # at the end, for what is still owed


class Recipients:
    """
    sinks   for the pipeline, which closes them
    report  for the pipeline; None: nobody is to get events
    """

    def __init__(
        self,
        sinks: Sequence[SteadySink],
        albums: Mapping[str, Album],
        reporter: Reporter | None,
        deliveries: Sequence[Delivery],
        opened: ExitStack,
    ) -> None:
        self.sinks, self.report = list(sinks), None if reporter is None else reporter.write
        self._albums, self._reporter = albums, reporter
        self._deliveries, self._opened = deliveries, opened

    def follow(self, rules: Callable[[str], ZoneRules]) -> None:
        """From now on events are told as the zones of each source demand."""
        if self._reporter is not None:
            self._reporter.rules = rules

    def health(self) -> list[SinkHealth]:
        """Of each that gets events."""
        return [delivery.health for delivery in self._deliveries]

    def files(self) -> list[FileHealth]:
        """Of each that writes files of its own."""
        kind: type[FileHealth] = import_module("edge.outbox.health").FileHealth
        albums = self._albums.items()
        return [
            *(kind(s.name, s.written, s.left_out) for s in self.sinks),
            *(kind(name, a.written, a.left_out, a.removed) for name, a in albums),
        ]

    def check(self) -> None:
        """After the end. Raises SinkError when frames were left out."""
        for sink in self.sinks:
            if sink.left_out:
                raise SinkError(
                    f"{sink.last_error} ({sink.left_out} frames are not in it)",
                    fix="make room, and run it again",
                )

    def close(self) -> None:
        """Everything ends, and is sent as far as it goes within DRAIN_S."""
        self._opened.close()


def open_recipients(
    texts: Sequence[str],
    cameras: Sequence[str],
    outbox: str | None,
    outbox_mb: int,
    also: Sequence[Witness] = (),
) -> Recipients:
    """texts as after `--to`; cameras are the live sources; `also` gets events, as albums do.

    Raises UsageError and SinkError.
    """
    targets = [parse_target(text, SINKS) for text in texts]
    _refuse_twice(targets)
    with ExitStack() as opened:
        sinks = [SteadySink(open_sink(t), t.shown) for t in _of(targets, "sink")]
        albums = {t.shown: open_album(t) for t in _of(targets, "album")}
        names = _of(targets, "carrier")
        box, deliveries = _open_outbox(names, cameras, outbox, outbox_mb, opened)
        reporter = _open_reporter(box, [*albums.values(), *also], opened)
        return Recipients(sinks, albums, reporter, deliveries, opened.pop_all())


def outbox_path(given: str | None) -> Path:
    """Where the outbox lies: as given, else in the service's own folder, else in the user's."""
    if given is not None:
        return Path(given)
    service = os.environ.get("STATE_DIRECTORY", "").split(":")[0]  # as systemd sets it
    if service:
        return Path(service) / "outbox.db"
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(state) / "edge-tag" / "outbox.db"


def _of(targets: Sequence[Target], role: str) -> list[Target]:
    return [target for target in targets if SINKS[target.kind][0] == role]


def _refuse_twice(targets: Sequence[Target]) -> None:
    wheres = [target.where for target in targets]
    for target in targets:
        if wheres.count(target.where) > 1:
            raise UsageError(f"--to: {target.shown} is given twice, expected once")


def _open_outbox(
    targets: Sequence[Target],
    cameras: Sequence[str],
    path: str | None,
    most_mb: int,
    opened: ExitStack,
) -> tuple[Outbox | None, list[Delivery]]:
    """Carriers have their names from their addresses, and the outbox its owed rows from those."""
    if not targets:
        return None, []
    boxing, sending = (import_module(f"edge.outbox.{name}") for name in ("box", "delivery"))
    boxes: list[Outbox] = []  # what a carrier asks of it, it asks later
    site = Site(
        platform.node(), cameras, lambda: boxes[0].here(), lambda name: boxes[0].counts(name)
    )
    carriers: list[Carrier] = [open_carrier(target, site) for target in targets]
    limits = boxing.Limits(bytes=most_mb << 20)
    box = boxing.Outbox(outbox_path(path), [carrier.name for carrier in carriers], limits)
    boxes.append(box)
    opened.enter_context(closing(box))
    for name, count in box.strangers().items():
        log.warning("%s: %d events are owed to it, and no --to names it", name, count)
    deliveries = [sending.Delivery(box, carrier) for carrier in carriers]
    opened.callback(_end, deliveries)
    for delivery in deliveries:
        delivery.start()
    return box, deliveries


def _open_reporter(
    box: Outbox | None, albums: Sequence[Witness], opened: ExitStack
) -> Reporter | None:
    if box is None and not albums:
        return None
    reporting = import_module("edge.outbox.reporter")
    reporter: Reporter = reporting.Reporter(box, albums, platform.node())
    return opened.enter_context(closing(reporter))


def _end(deliveries: Sequence[Delivery]) -> None:
    """Side by side: one that is away does not take the time of the others."""
    for delivery in deliveries:
        delivery.end(DRAIN_S)
    for delivery in deliveries:
        delivery.join()
