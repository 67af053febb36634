"""The live page of a run: open before the tagger is, of use once the run begins."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from edge.config.watch import Watch
from edge.errors import UsageError
from edge.heads.gallery_path import default_path
from edge.health.address import parse_door
from edge.health.opened import Health
from edge.homes import outbox_path
from edge.live.actions import Actions, Run
from edge.live.jobs import Jobs
from edge.live.server import LiveServer
from edge.live.shown import Hosts
from edge.live.stream import Site
from edge.live.window import Window
from edge.pipeline import Explain
from edge.records import FrameTags, Picture
from edge.seen import Seen
from edge.sinks.recipients import Recipients
from edge.tagger import Tagger


class Live:
    """The live page of a run. Owns its server.

    window   for the pipeline: a sink for what failed, an album for events
    address  for people
    """

    def __init__(self, site: Site, server: LiveServer, opened: ExitStack) -> None:
        self._site, self._opened = site, opened
        self.window, self.address = site.window, server.address

    def begin(
        self,
        flags: argparse.Namespace,
        tagger: Tagger,
        watch: Watch,
        health: Health,
        recipients: Recipients,
        also: Explain | None,
    ) -> Explain:
        """Begin the run: from now on what is asked for on the page is done between frames.

        Gives the function that the pipeline calls with each frame; it calls `also` first.
        """
        disk = outbox_path(flags.outbox).parent
        gallery = Path(flags.gallery) if flags.gallery else default_path(tagger.bundle)
        captures = Path(flags.live_captures) if flags.live_captures else disk / "captures"
        run = Run(tagger, None if flags.no_gallery else gallery, captures, watch.reload)
        jobs = Jobs()
        watch.between = _both(watch.between, jobs)
        self._site.hosts = Hosts(
            health.vitals, health.held, recipients.health, recipients.sinks, disk, watch.camera
        )
        self._site.actions = Actions(self.window, jobs, run)
        return self.window.explain if also is None else _told(also, self.window.explain)

    def close(self) -> None:
        self._opened.close()


def open_live(flags: argparse.Namespace, names: Sequence[str], live: Sequence[str]) -> Live:
    """names: of the sources, as results have them; live: those of them that are cameras.

    Raises UsageError for an address that is none, is in use, or needs a token.
    """
    if flags.live is None:
        raise UsageError(
            "--live-token-file or --live-captures is given, expected --live beside it",
            fix="edge-tag run --live ..., or leave them out",
        )
    door = parse_door(flags.live, flags.live_token_file, "--live")
    with ExitStack() as opened:
        site = Site(Window(names, live))
        server = opened.enter_context(closing(LiveServer(door, site)))
        opened.callback(site.window.close)  # first: pages that are open end by it
        return Live(site, server, opened.pop_all())


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        second()

    return both


def _told(first: Explain, second: Explain) -> Explain:
    def told(result: FrameTags, picture: Picture, seen: Seen) -> None:
        first(result, picture, seen)
        second(result, picture, seen)

    return told
