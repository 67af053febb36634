"""Where a command's results go, opened as its flags say.

Heavy imports stand inside the functions: what a run does not use is not loaded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from edge.errors import UsageError
from edge.flags import EXPLAIN_KEEP, OUTBOX_MB
from edge.opening import is_patient, names, paces_s
from edge.pictures.suffixes import is_clip
from edge.process import say

if TYPE_CHECKING:
    from edge.config.wanted import Names
    from edge.config.watch import Watch
    from edge.health.opened import Health
    from edge.live.opened import Live
    from edge.pipeline import Explain
    from edge.recipients import Recipients
    from edge.sinks import Sink
    from edge.sources import Source

NEXT = "next, with your own camera: edge-tag --camera 0"
MANY = 12  # pictures from which the table gives each one a single line


def open_live(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack
) -> Live | None:
    """Before the tagger: whoever looks sees that it begins."""
    if (flags.live, flags.live_token_file, flags.live_captures) == (None, None, None):
        return None
    from edge.live import opened as lives

    named = names(flags, sources)
    cameras = [name for name, source in zip(named, sources, strict=True) if source.is_live]
    live = opened.enter_context(closing(lives.open_live(flags, named, cameras)))
    if not flags.quiet:
        say(f"edge-tag: live page: {live.address}")
    return live


def open_recipients(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack, live: Live | None
) -> Recipients:
    """Before the tagger: a wrong word is told at once."""
    from edge import recipients

    named = zip(sources, names(flags, sources), strict=True)
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


def check_labels(flags: argparse.Namespace, names: Mapping[str, Names]) -> None:
    """Of targets. names: of the tagger, by head. Raises UsageError for one that no head tells."""
    if flags.to:
        from edge.config.wanted import unknown_labels

        for _, says, fix in (p for to in flags.to for p in unknown_labels("", to, names)):
            raise UsageError(f"--to: {says}", fix=fix)


def open_health(
    flags: argparse.Namespace,
    sources: Sequence[Source],
    recipients: Recipients,
    opened: ExitStack,
) -> Health:
    from edge.health import opened as healths
    from edge.recipients import outbox_path
    from edge.schedule.cooling import Thermal

    if flags.health is None and flags.health_token_file is not None:
        raise UsageError(
            "--health-token-file is given without --health, expected both",
            fix="--health 127.0.0.1:9464 beside it, or leave it out",
        )
    door, limits = None, flags.thermal
    if flags.health is not None:
        from edge.health.address import parse_door

        door = parse_door(flags.health, flags.health_token_file)
    wanted = healths.Wanted(
        names=tuple(names(flags, sources)),
        live=tuple(n for n, source in enumerate(sources) if source.is_live),
        mailboxes=tuple(source.newest for source in sources if source.newest is not None),
        every_s=max(paces_s(flags), default=0.0),
        door=door,
        thermal=Thermal(*limits) if isinstance(limits, tuple) else limits,
        disk=outbox_path(flags.outbox).parent,
    )
    health = healths.open_health(
        wanted, recipients.health, files=recipients.files, events=recipients.events
    )
    recipients.heed(health.vitals.ailing)
    return opened.enter_context(closing(health))


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
    if _wants_bar(flags) and not is_live and known != 1:
        from edge.sinks.progress import ProgressSink

        count = known if flags.frames is None or known is None else min(known, flags.frames)
        sinks = [ProgressSink(sinks, count, is_shared=out.isatty())]
    for sink in sinks:
        opened.enter_context(closing(sink))
    return sinks


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
        has_log=out.isatty() and _is_terminal(sys.stderr),
    )


def _where(flags: argparse.Namespace) -> str:
    tags = flags.annotate and f"tags drawn on: {Path(flags.annotate) / '*.tags.jpg'}"
    why = flags.explain and f"why, in pictures: {Path(flags.explain) / '*.why.jpg'}"
    return "\n".join(filter(None, (tags, why)))


def _wants_bar(flags: argparse.Namespace) -> bool:
    return _is_terminal(sys.stderr) and not flags.quiet


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


@contextmanager
def bar(flags: argparse.Namespace, count: int) -> Iterator[Callable[[], object]]:
    """A function that counts one more, with a bar on a terminal."""
    if not _wants_bar(flags):
        yield lambda: None
        return
    from edge.sinks.progress import open_bar

    with open_bar(count, "pictures") as bar:
        yield bar.update
