"""`edge-tag`: tag pictures, clips and cameras."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from edge.errors import SourceError
from edge.opening.defaults import open_config, with_defaults
from edge.opening.listeners import Listeners, check_labels, open_listeners
from edge.opening.results import open_explain, open_sinks
from edge.opening.sources import begin_reading, open_sources, with_deadline
from edge.opening.tagger import open_tagger
from edge.opening.view import open_view, outlined
from edge.process import Stop, say
from edge.verbs.run_flags import parsed

if TYPE_CHECKING:
    from edge.config.applied import Configured
    from edge.config.watch import Watch
    from edge.pipeline import Explain, Totals
    from edge.records import Frame
    from edge.seen import View
    from edge.sinks import Sink
    from edge.sources import Source
    from edge.sources.ahead import Ahead
    from edge.tagger import Tagger

__all__ = ["main", "parsed"]


class _Run(NamedTuple):
    """What a run works with, all of it open."""

    sources: Sequence[Source]
    ahead: Ahead[tuple[int, Frame]] | None
    tagger: Tagger
    view: View
    watch: Watch | None
    sinks: Sequence[Sink]
    listeners: Listeners
    explain: Explain | None


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Tag everything that was named."""
    with ExitStack() as opened:
        with _unswept(opened):
            run = _open(flags, out, stop, opened)
            tag_all = _ready(run, flags.frames, stop)
        totals = tag_all()
    if flags.virtual is not None:
        say(f"edge-tag: {flags.virtual.told()}")
    if not stop():
        run.listeners.recipients.check()
    return SourceError.exit_code if totals.failed and not stop() else 0


@contextmanager
def _unswept(opened: ExitStack) -> Iterator[None]:
    """What is loaded and opened meanwhile stays: looking for rubbish among it is for nothing, now
    and later. A collection takes 0.2 ms then, not 20.
    """
    gc.disable()
    opened.callback(gc.unfreeze)
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _open(flags: argparse.Namespace, out: BinaryIO, stop: Stop, opened: ExitStack) -> _Run:
    """In the order in which a wrong word is told soonest, and a picture is decoded meanwhile."""
    configured = open_config(flags, opened)
    flags = with_defaults(flags)
    sources = open_sources(flags, opened, stop)
    with_deadline(flags, sources)
    ahead = begin_reading(sources, opened)
    listeners = open_listeners(flags, sources, opened)
    tagger, view = _open_tagger(flags, opened)
    watch = _watch(configured, listeners, tagger)
    check_labels(flags, tagger.tags)
    _warn(flags, tagger, view)
    live, recipients, health = listeners
    sinks = open_sinks(flags, sources, out, opened, recipients.sinks, tagger.tags, watch)
    explain = open_explain(flags, sources, opened)
    if live is not None and watch is not None:
        explain = live.begin(flags, tagger, watch, health, recipients, explain)
        sinks.append(live.window)
    return _Run(sources, ahead, tagger, view, watch, sinks, listeners, explain)


def _open_tagger(flags: argparse.Namespace, opened: ExitStack) -> tuple[Tagger, View]:
    view = open_view(flags, opened)
    tagger = open_tagger(flags, opened)
    return tagger, outlined(view, tagger, flags, opened)


def _watch(configured: Configured | None, listeners: Listeners, tagger: Tagger) -> Watch | None:
    """What a config file asks of every frame. The live page works through one, too."""
    if configured is not None:
        watch = configured.watched(tagger)
        listeners.recipients.follow(watch.zone_rules)
        return watch
    if listeners.live is None:
        return None
    from edge.config.watch import Watch

    return Watch()


def _warn(flags: argparse.Namespace, tagger: Tagger, view: View) -> None:
    from edge.frames import too_tight

    if (why := too_tight(tagger, view)) and not flags.quiet:
        say(f"edge-tag: {why}")


def _ready(run: _Run, max_frames: int | None, stop: Stop) -> Callable[[], Totals]:
    from edge import pipeline

    recipients, health = run.listeners.recipients, run.listeners.health
    return partial(
        pipeline.run,
        run.sources,
        run.tagger,
        run.sinks,
        run.view,
        is_stopped=recipients.tended(health.tended(stop)),
        max_frames=max_frames,
        explain=run.explain,
        report=health.after(recipients.report),
        held=health.held,
        off=health.off,
        watch=run.watch,
        ahead=run.ahead,
    )
