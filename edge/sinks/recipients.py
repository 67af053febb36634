"""Everyone who was named with `--to`, opened together: files, pictures, brokers, webhooks.

What may be away gets its events out of the outbox; that is opened, and its modules are loaded,
when there is such a one.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING

from edge.errors import SinkError, UsageError
from edge.events.zones import ZoneRules
from edge.homes import outbox_path
from edge.sinks import AT_END, ENDED, NO_END, SINKS, open_album, open_sink
from edge.sinks.steady import SteadySink
from edge.sinks.target import Target, parse_target

if TYPE_CHECKING:
    from edge.outbox.box import Outbox
    from edge.outbox.health import FileHealth, SinkHealth
    from edge.outbox.opened import Owing
    from edge.outbox.reporter import Album, Reporter, Witness
    from edge.sinks.cutouts import Latest


class Recipients:
    """Who gets the results of a run.

    sinks   for the pipeline, which closes them
    report  for the pipeline; None: nobody is to get events
    """

    def __init__(
        self,
        sinks: Sequence[SteadySink],
        albums: Mapping[str, Album],
        reporter: Reporter | None,
        owing: Owing | None,
        opened: ExitStack,
    ) -> None:
        self.sinks, self.report = list(sinks), None if reporter is None else reporter.write
        self._albums, self._reporter = albums, reporter
        self._owing, self._opened = owing, opened

    def heed(self, ailing: Callable[[], Mapping[str, str]]) -> None:
        """From now on brokers are told which cameras give nothing, and why, as `ailing` says."""
        if self._owing is not None:
            self._owing.status.ailing = ailing

    def tended(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """`is_stopped` for the pipeline, which asks ten times a second: events that are due are
        sent meanwhile, also when no frame comes.
        """
        reporter = self._reporter
        if reporter is None:
            return is_stopped

        def both() -> bool:
            reporter.tend(monotonic())
            return is_stopped()

        return both

    def follow(self, rules: Callable[[str], ZoneRules]) -> None:
        """From now on events are told as the zones of each source demand."""
        if self._reporter is not None:
            self._reporter.rules = rules

    def health(self) -> list[SinkHealth]:
        """Of each that gets events."""
        deliveries = () if self._owing is None else self._owing.deliveries
        return [delivery.health for delivery in deliveries]

    def files(self) -> list[FileHealth]:
        """Of each that writes files of its own."""
        kind: type[FileHealth] = import_module("edge.outbox.health").FileHealth
        albums = self._albums.items()
        return [
            *(kind(s.name, s.written, s.left_out) for s in self.sinks),
            *(kind(name, a.written, a.left_out, a.removed) for name, a in albums),
        ]

    def events(self) -> Mapping[str, int]:
        """By type, how many were told since the start."""
        return {} if self._reporter is None else dict(self._reporter.told)

    def check(self) -> None:
        """After the end. Raises SinkError when frames were left out."""
        for sink in self.sinks:
            if sink.left_out:
                raise SinkError(
                    f"{sink.outage.error} ({sink.left_out} frames are not in it)",
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
    slowest_s: float = 0.0,
    *,
    is_patient: bool = False,
    only_some: bool = False,
    is_endless: bool = False,
) -> Recipients:
    """texts as after `--to`; cameras are the live sources, of which one gives a frame each
    `slowest_s` at the slowest; `also` gets events, as albums do. A file or a folder that cannot be
    opened yet is tried again where this `is_patient`; then cameras of earlier runs are forgotten,
    too, but where these are `only_some` of them. A run that `is_endless` has no file that comes at
    its end.

    Raises UsageError and SinkError.
    """
    targets = [
        parse_target(text, SINKS)._replace(is_patient=is_patient, leaves_room=bool(cameras))
        for text in texts
    ]
    _refuse_twice(targets)
    if is_endless:
        _refuse_at_end(targets)
    with ExitStack() as opened:
        sinks = [SteadySink(open_sink(t), t.shown) for t in _of(targets, "sink")]
        albums = {t.shown: open_album(t) for t in _of(targets, "album")}
        owed = _of(targets, "carrier")
        latest, owing = _open_latest(owed, cameras), None
        if owed:
            opens = import_module("edge.outbox.opened").open_outbox
            path, forgets = outbox_path(outbox), is_patient and not only_some
            owing = opens(owed, cameras, latest, path, outbox_mb, opened, forgets=forgets)
        witnesses = [*albums.values(), *also, *([] if latest is None else [latest])]
        box = None if owing is None else owing.box
        reporter = _open_reporter(box, witnesses, cameras, slowest_s, opened)
        return Recipients(sinks, albums, reporter, owing, opened.pop_all())


def _of(targets: Sequence[Target], role: str) -> list[Target]:
    return [target for target in targets if SINKS[target.kind][0] == role]


def _refuse_twice(targets: Sequence[Target]) -> None:
    places = [target.place for target in targets]
    for target in targets:
        if places.count(target.place) > 1:
            raise UsageError(
                f"--to: {target.shown} is given twice, expected once", fix="leave one of them out"
            )


def _refuse_at_end(targets: Sequence[Target]) -> None:
    for target in targets:
        if target.kind in AT_END:
            raise UsageError(f"--to: {target.shown} {NO_END}", fix=ENDED)


def _open_latest(targets: Sequence[Target], cameras: Sequence[str]) -> Latest | None:
    """Where some target wants pictures of what came last."""
    if all(target.options.get("pictures") != "on" for target in targets):
        return None
    latest: Latest = import_module("edge.sinks.cutouts").Latest(cameras)
    return latest


def _open_reporter(
    box: Outbox | None,
    albums: Sequence[Witness],
    cameras: Sequence[str],
    slowest_s: float,
    opened: ExitStack,
) -> Reporter | None:
    if box is None and not albums:
        return None
    reporting = import_module("edge.outbox.reporter")
    away_s = reporting.AWAY_S + 3 * slowest_s
    reporter: Reporter = reporting.Reporter(box, albums, platform.node(), cameras, away_s)
    return opened.enter_context(closing(reporter))
