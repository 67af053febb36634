"""A run's health, opened together: counts, a watch on the board, pages, the service manager."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.health.notify import Notify
from edge.health.vitals import STALE_S, Vitals
from edge.records import FrameFailed, FrameTags, Picture
from edge.schedule.cooling import Held, Thermal, free
from edge.sources.newest import Newest

if TYPE_CHECKING:
    from edge.health.address import Door
    from edge.health.server import HealthServer
    from edge.outbox.health import FileHealth, SinkHealth

log = logging.getLogger(__name__)

Report = Callable[[FrameTags | FrameFailed, Picture | None, float | None], None]


class HealthSettings(msgspec.Struct, frozen=True):
    """What is to be watched, and served to whom."""

    names: tuple[str, ...] = ()  # of all sources, as results have them
    live: tuple[int, ...] = ()  # which of them are cameras
    mailboxes: tuple[Newest, ...] = ()  # theirs, in the same order
    every_s: float = 0.0  # at most one frame each so many seconds, the slowest
    door: Door | None = None  # None: nothing listens
    thermal: Thermal | None = None  # None: the budget does not follow the heat
    disk: Path = Path()  # where events wait

    @property
    def cameras(self) -> tuple[str, ...]:
        return tuple(self.names[n] for n in self.live)


class Health:
    """A run's health, as the pipeline tells and asks it. Owns its server and its watch.

    report  for the pipeline, of each frame
    held    for the pipeline: how the device is held back
    off     for the pipeline, of each frame of source n that is not to be looked at
    tended  for the pipeline, which asks ten times a second whether to stop
    """

    def __init__(
        self,
        vitals: Vitals,
        notify: Notify,
        held: Callable[[], Held],
        opened: ExitStack,
        server: HealthServer | None,
        names: Sequence[str] = (),
        mailboxes: Sequence[Newest] = (),
    ) -> None:
        self._names, self._mailboxes = names, mailboxes
        self.vitals, self._notify, self.held, self._opened = vitals, notify, held, opened
        self.server = server

    def report(
        self, result: FrameTags | FrameFailed, picture: Picture | None, at_s: float | None
    ) -> None:
        self.vitals.told(result, picture, at_s)
        if isinstance(result, FrameTags):
            self._notify.progressed(f"{result.source}: frame {result.frame} is tagged")

    def off(self, n: int) -> None:
        """A camera that its schedule keeps off is well: the service is not to be started again."""
        self.vitals.off(self._names[n])
        self._notify.progressed(f"{self._names[n]}: off, by its schedule")

    def tended(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """`is_stopped`; while all cameras are known to be away, the watchdog is told so."""

        def both() -> bool:
            if self._mailboxes and all(mailbox.is_away for mailbox in self._mailboxes):
                self._notify.waits("every camera is away, and tried again")
            return is_stopped()

        return both

    def after(self, report: Report | None) -> Report:
        """Call `report` first, then ours: the watchdog is fed once the events are accepted."""
        if report is None:
            return self.report
        first = report

        def told(
            result: FrameTags | FrameFailed, picture: Picture | None, at_s: float | None
        ) -> None:
            first(result, picture, at_s)
            self.report(result, picture, at_s)

        return told

    def close(self) -> None:
        """The service manager is told that the end has begun: events may still be on their way."""
        self._opened.close()


def open_health(
    settings: HealthSettings,
    sinks: Callable[[], Sequence[SinkHealth]],
    notify: Notify | None = None,
    files: Callable[[], Sequence[FileHealth]] = tuple,
    events: Callable[[], Mapping[str, int]] = dict,
) -> Health:
    """Raises UsageError when the address is not to be had, or prometheus-client is not here."""
    notify = notify or Notify()
    if notify.watchdog_s is not None and settings.every_s > notify.watchdog_s / 2:
        log.warning(
            "WatchdogSec is %g s and a frame comes each %g s: raise it", notify.watchdog_s,
            settings.every_s,
        )  # fmt: skip
    notify.opening()
    vitals = Vitals(settings.cameras, max(STALE_S, 3 * settings.every_s))
    held, server = free, None
    with ExitStack() as opened:
        opened.callback(notify.stopping)
        if settings.cameras or settings.door is not None or settings.thermal is not None:
            watching = import_module("edge.health.watch")  # reads sensors: too long for a picture
            watch = opened.enter_context(closing(watching.BoardWatch(settings.thermal)))
            held = watch.held
        if settings.door is not None:
            cameras = dict(zip(settings.cameras, settings.mailboxes))
            pages = import_module("edge.health.pages")  # a web server, which few runs are to have
            server = pages.open_server(
                settings.door, vitals, watch, sinks, settings.disk, cameras, files, events
            )
            opened.enter_context(closing(server))
        own = opened.pop_all()
    return Health(vitals, notify, held, own, server, settings.names, settings.mailboxes)
