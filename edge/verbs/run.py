"""`edge-tag`: tag pictures, clips and cameras."""

from __future__ import annotations

import argparse
import gc
from contextlib import ExitStack
from typing import BinaryIO

from edge.errors import SourceError
from edge.opening.defaults import open_config, with_defaults
from edge.opening.listeners import check_labels, open_health, open_live, open_recipients
from edge.opening.results import open_explain, open_sinks
from edge.opening.sources import begin_reading, open_sources, with_deadline
from edge.opening.tagger import open_tagger
from edge.opening.view import open_view, outlined
from edge.process import Stop, say
from edge.verbs.run_flags import parsed

__all__ = ["main", "parsed"]


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Tag everything that was named."""
    with ExitStack() as opened:
        gc.disable()  # what is loaded and opened stays: looking for rubbish among it is for nothing
        opened.callback(gc.enable)
        configured = open_config(flags, opened)
        flags = with_defaults(flags)
        sources = open_sources(flags, opened, stop)
        with_deadline(flags, sources)
        ahead = begin_reading(sources, opened)
        from edge import pipeline
        from edge.frames import too_tight

        live = open_live(flags, sources, opened)
        recipients = open_recipients(flags, sources, opened, live)
        health = open_health(flags, sources, recipients, opened)
        view = open_view(flags, opened)
        tagger = open_tagger(flags, opened)
        view = outlined(view, tagger, flags, opened)
        watch = None if configured is None else configured.watched(tagger)
        if watch is not None:
            recipients.follow(watch.zone_rules)
        check_labels(flags, tagger.tags)
        if (why := too_tight(tagger, view)) and not flags.quiet:
            say(f"edge-tag: {why}")
        sinks = open_sinks(flags, sources, out, opened, recipients.sinks, tagger.tags, watch)
        explain = open_explain(flags, sources, opened)
        if live is not None:
            from edge.config.watch import Watch

            watch = watch or Watch()
            explain = live.begin(flags, tagger, watch, health, recipients, explain)
            sinks.append(live.window)
        gc.freeze()  # it is not gone through again either: a collection takes 0.2 ms, not 20
        opened.callback(gc.unfreeze)
        gc.enable()
        totals = pipeline.run(
            sources,
            tagger,
            sinks,
            view,
            is_stopped=recipients.asked(health.asked(stop)),
            max_frames=flags.frames,
            explain=explain,
            report=health.after(recipients.report),
            held=health.held,
            off=health.off,
            watch=watch,
            begun=ahead,
        )
    if flags.virtual is not None:
        say(f"edge-tag: {flags.virtual.told()}")
    if not stop():
        recipients.check()
    return SourceError.exit_code if totals.failed and not stop() else 0
