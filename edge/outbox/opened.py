"""The outbox of a run and its deliveries, opened together."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from edge.outbox.box import Outbox
from edge.outbox.delivery import Carrier, Delivery
from edge.outbox.ledger import Limits
from edge.sinks import CarrierSite, open_carrier
from edge.sinks.cutouts import Latest
from edge.sinks.target import Target

log = logging.getLogger(__name__)

DRAIN_S = 5.0  # at the end, for what is still owed


class RunStatus:
    """What carriers ask of the run, which begins later.

    latest  what came last, where pictures of it are wanted
    """

    def __init__(self, cameras: Sequence[str], latest: Latest | None) -> None:
        self._latest = latest
        begins = dict.fromkeys(cameras, "the run begins")
        self.ailing: Callable[[], Mapping[str, str]] = lambda: begins

    def latest(self, camera: str, but: str) -> tuple[str, bytes] | None:
        return None if self._latest is None else self._latest.of(camera, but)


class Owing(NamedTuple):
    """What is owed, and who sends it."""

    box: Outbox
    deliveries: Sequence[Delivery]
    status: RunStatus


def open_outbox(
    targets: Sequence[Target],
    cameras: Sequence[str],
    latest: Latest | None,
    path: Path,
    most_mb: int,
    opened: ExitStack,
    *,
    forgets: bool = False,
) -> Owing:
    """Carriers have their names from their addresses, and the outbox its owed rows from those.

    forgets  cameras of earlier runs that are none of these are gone: carriers are told
    """
    status = RunStatus(cameras, latest)
    boxes: list[Outbox] = []  # what a carrier asks of it, it asks later
    site = _site(cameras, boxes, status, forgets=forgets)
    carriers: list[Carrier] = [open_carrier(target, site) for target in targets]
    limits = Limits(bytes=most_mb << 20)
    waits = any(target.is_patient for target in targets)
    box = Outbox(path, [carrier.name for carrier in carriers], limits, is_patient=waits)
    boxes.append(box)
    opened.enter_context(closing(box))
    for name, count in box.strangers().items():
        log.warning("%s: %d events are owed to it, and no --to names it", name, count)
    deliveries = [Delivery(box, carrier) for carrier in carriers]
    opened.callback(_end, deliveries)
    for delivery in deliveries:
        delivery.start()
    return Owing(box, deliveries, status)


def _site(
    cameras: Sequence[str], boxes: Sequence[Outbox], status: RunStatus, *, forgets: bool
) -> CarrierSite:
    """boxes: one, once the carriers are there."""
    site = CarrierSite(
        socket.gethostname(),
        cameras,
        lambda: boxes[0].here() if boxes[0].is_there else None,
        lambda name: boxes[0].counts(name),
        lambda: status.ailing(),
        status.latest,
    )
    if not forgets:
        return site
    return site._replace(
        announced=lambda name: boxes[0].announced(name),
        announce=lambda name, cameras: boxes[0].announce(name, cameras),
    )


def _end(deliveries: Sequence[Delivery]) -> None:
    """Side by side: one that is away does not take the time of the others."""
    for delivery in deliveries:
        delivery.end(DRAIN_S)
    for delivery in deliveries:
        delivery.join()
