"""Who is told of a run beside its results: the targets of --to, the live page, whoever looks after
the service.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple

from edge.errors import UsageError
from edge.homes import outbox_path
from edge.opening.sources import is_patient, paces_s, source_names
from edge.process import say

if TYPE_CHECKING:
    from edge.config.wanted import Names
    from edge.health.address import Door
    from edge.health.opened import Health
    from edge.live.opened import Live
    from edge.sinks.recipients import Recipients
    from edge.sources import Source

OUTBOX_MB = 64


class Listeners(NamedTuple):
    """All of them, open."""

    live: Live | None
    recipients: Recipients
    health: Health


def open_listeners(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack
) -> Listeners:
    """Before the tagger: a wrong word is told at once, and whoever looks sees that it begins."""
    live = _open_live(flags, sources, opened)
    recipients = _open_recipients(flags, sources, opened, live)
    return Listeners(live, recipients, _open_health(flags, sources, recipients, opened))


def _open_live(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack
) -> Live | None:
    if (flags.live, flags.live_token_file, flags.live_captures) == (None, None, None):
        return None
    from edge.live import opened as lives

    named = source_names(flags, sources)
    cameras = [name for name, source in zip(named, sources, strict=True) if source.is_live]
    live = opened.enter_context(closing(lives.open_live(flags, named, cameras)))
    if not flags.quiet:
        say(f"edge-tag: live page: {live.address}")
    return live


def _open_recipients(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack, live: Live | None
) -> Recipients:
    from edge.sinks import recipients

    named = zip(sources, source_names(flags, sources), strict=True)
    cameras = [name for source, name in named if source.is_live]
    most_mb = flags.outbox_mb or OUTBOX_MB
    also = [] if live is None else [live.window]
    slowest_s = max(paces_s(flags), default=0.0)
    made = recipients.open_recipients(
        flags.to,
        cameras,
        flags.outbox,
        most_mb,
        also,
        slowest_s,
        is_patient=bool(cameras) and is_patient(flags),
        only_some=getattr(flags, "only_some", False),
        is_endless=bool(cameras) and flags.frames is None,
    )
    return opened.enter_context(closing(made))


def _open_health(
    flags: argparse.Namespace,
    sources: Sequence[Source],
    recipients: Recipients,
    opened: ExitStack,
) -> Health:
    from edge.health import opened as healths
    from edge.schedule.cooling import Thermal

    limits = flags.thermal
    settings = healths.HealthSettings(
        names=tuple(source_names(flags, sources)),
        live=tuple(n for n, source in enumerate(sources) if source.is_live),
        mailboxes=tuple(source.newest for source in sources if source.newest is not None),
        every_s=max(paces_s(flags), default=0.0),
        door=_door(flags),
        thermal=Thermal(*limits) if isinstance(limits, tuple) else limits,
        disk=outbox_path(flags.outbox).parent,
    )
    health = healths.open_health(
        settings, recipients.health, files=recipients.files, events=recipients.events
    )
    recipients.heed(health.vitals.ailing)
    return opened.enter_context(closing(health))


def _door(flags: argparse.Namespace) -> Door | None:
    if flags.health is None:
        if flags.health_token_file is not None:
            raise UsageError(
                "--health-token-file is given without --health, expected both",
                fix="--health 127.0.0.1:9464 beside it, or leave it out",
            )
        return None
    from edge.health.address import parse_door

    return parse_door(flags.health, flags.health_token_file)


def check_labels(flags: argparse.Namespace, names: Mapping[str, Names]) -> None:
    """Of targets. names: of the tagger, by head. Raises UsageError for one that no head tells."""
    if flags.to:
        from edge.config.wanted import unknown_labels

        for _, says, fix in (p for to in flags.to for p in unknown_labels("", to, names)):
            raise UsageError(f"--to: {says}", fix=fix)
