"""Where results go: a table or JSON Lines, and pictures of what was seen and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.errors import UsageError
from edge.opening.progress import is_terminal, wants_bar
from edge.opening.sources import is_patient
from edge.pictures.suffixes import is_clip

if TYPE_CHECKING:
    from edge.config.watch import Watch
    from edge.pipeline import Explain
    from edge.sinks import Sink
    from edge.sources import Source

NEXT = "next, with your own camera: edge-tag --camera 0"
MANY = 12  # pictures from which the table gives each one a single line
EXPLAIN_KEEP = 500  # pictures, 0.2 to 0.4 MB each


def open_sinks(
    flags: argparse.Namespace,
    sources: Sequence[Source],
    out: BinaryIO,
    opened: ExitStack,
    more: Sequence[Sink],
    heads: Iterable[str],
    watch: Watch | None,
) -> list[Sink]:
    """Results first, pictures after: a line about a frame is worth more than its picture.

    heads: of the tagger, in their order. watch: whose areas are drawn.
    """
    is_live = any(source.is_live for source in sources)
    counts = [source.count for source in sources]
    known = None if None in counts else sum(count or 0 for count in counts)
    sinks: list[Sink] = [_open_results(flags, sources, out)]
    if flags.annotate is not None:
        from edge.sinks.pictures import PicturesSink, no_areas
        from edge.sinks.steady import SteadySink

        waits = is_live and is_patient(flags)
        drawn: Sink = PicturesSink(
            Path(flags.annotate),
            heads,
            areas=no_areas if watch is None else watch.drawn,
            leaves_room=is_live,
            is_patient=waits,
        )
        sinks.append(SteadySink(drawn, flags.annotate) if is_live else drawn)
    sinks += more
    if wants_bar(flags) and not is_live and known != 1:
        from edge.sinks.progress import ProgressSink

        count = known if flags.frames is None or known is None else min(known, flags.frames)
        sinks = [ProgressSink(sinks, count, is_shared=out.isatty())]
    for sink in sinks:
        opened.enter_context(closing(sink))
    return sinks


def _open_results(flags: argparse.Namespace, sources: Sequence[Source], out: BinaryIO) -> Sink:
    if not flags.table and (flags.json or not out.isatty()):
        from edge.sinks.jsonl import JsonlSink

        return JsonlSink(out, "stdout")
    from edge.sinks.table import TableSink

    is_live = any(source.is_live for source in sources)
    pictures = sum(source.count or 0 for source in sources if not is_clip(source.name))
    return TableSink(
        out,
        "stdout",
        is_compact=pictures >= MANY,
        on_close="" if is_live else _where(flags),
        next_step="" if is_live else NEXT,
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
        has_log=out.isatty() and is_terminal(sys.stderr),
    )


def _where(flags: argparse.Namespace) -> str:
    tags = flags.annotate and f"tags drawn on: {Path(flags.annotate) / '*.tags.jpg'}"
    why = flags.explain and f"why, in pictures: {Path(flags.explain) / '*.why.jpg'}"
    return "\n".join(filter(None, (tags, why)))


def open_explain(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack
) -> Explain | None:
    if flags.explain is None:
        given = (flags.explain_keep, flags.explain_every_s) != (None, None)
        if given and flags.config is None:  # a file may say how, for whenever it is asked for
            raise UsageError(
                "--explain-keep or --explain-every-s is given, expected --explain beside it",
                fix="--explain DIR beside it, or leave them out",
            )
        return None
    from edge.sinks.explained import ExplainedPictures

    keep, every_s = flags.explain_keep or EXPLAIN_KEEP, flags.explain_every_s or 0.0
    is_live = any(source.is_live for source in sources)
    waits = is_live and is_patient(flags)
    pictures = ExplainedPictures(
        Path(flags.explain), keep, every_s, is_steady=is_live, is_patient=waits
    )
    return opened.enter_context(closing(pictures)).write
