"""edge-tag: the command line.

Everything heavy is imported inside the functions, so that `--help` and a wrong flag are quick.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge import __version__
from edge.errors import CheckFailed, ConfigError, EdgeError, SourceError, UsageError
from edge.flags import OUTBOX_MB, parse
from edge.pictures.suffixes import is_clip
from edge.process import (
    Stop,
    hangups,
    log_to_stderr,
    print_table,
    results,
    say,
    stop_on_signals,
    write_line,
)

if TYPE_CHECKING:
    from edge.config.applied import Configured
    from edge.frames import View
    from edge.health.opened import Health
    from edge.length.ruler import Ruler
    from edge.pipeline import Explain
    from edge.recipients import Recipients
    from edge.sinks import Sink
    from edge.sources import Source
    from edge.tagger import Tagger

NEXT = "next, with your own camera: edge-tag --camera 0"
MANY = 12  # pictures from which the table gives each one a single line


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, return its exit code. Never calls `sys.exit`; our bugs are tracebacks."""
    try:
        flags = parse(sys.argv[1:] if argv is None else argv)
        log_to_stderr(_level(flags))
        with stop_on_signals() as stop, results() as out:
            return VERBS[flags.verb](flags, out, stop)
    except SystemExit as e:  # --help and --version
        return e.code if isinstance(e.code, int) else 0
    except BrokenPipeError:  # the reader of our results has what it wanted
        return 0
    except EdgeError as e:
        for one in (e, *(e.also if isinstance(e, ConfigError) else ())):
            say(f"edge-tag: {one}")
            if one.fix:
                say(f"  fix: {one.fix}")
        return e.exit_code


def run(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Tag everything that was named."""
    with ExitStack() as opened:
        configured = _configured(flags, opened)
        flags = _with_profile(flags)
        sources = _open_sources(flags, opened, stop)
        from edge import pipeline

        recipients = _open_recipients(flags, sources, opened)
        health = _open_health(flags, sources, recipients, opened)
        view = _view(flags, opened)
        tagger = _open_tagger(flags, opened)
        view = _outlined(view, tagger, flags, opened)
        watch = None if configured is None else configured.watched(tagger)
        sinks = _open_sinks(flags, sources, out, opened, recipients.sinks)
        totals = pipeline.run(
            sources,
            tagger,
            sinks,
            view,
            is_stopped=stop,
            max_frames=flags.frames,
            explain=_open_explain(flags, opened),
            report=health.after(recipients.report),
            held=health.held,
            off=health.off,
            watch=watch,
        )
    if not stop():
        recipients.check()
    return SourceError.exit_code if totals.failed else 0


def enroll(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Tags with a few pictures, on the device."""
    from edge.enrolling import enroll as change

    return change(_with_profile(flags), out)


def capture(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Fill a calibration set."""
    from itertools import chain

    from edge import capture as sets

    folder = Path(flags.out)
    made_by = f"edge-tag {__version__} capture"
    new = sets.CalibrationSet(1, flags.name or folder.resolve().name, made_by, flags.licence)
    with ExitStack() as opened:
        sources = _open_sources(flags, opened, stop)
        frames = chain.from_iterable(source.frames() for source in sources)
        with _bar(flags, flags.count) as step:
            made = sets.capture(frames, folder, new, min(flags.count, sets.MAX_PICTURES), step)
    write_line(out, f"{folder / sets.MANIFEST}: {len(made.pictures)} pictures")
    if not made.pictures and not stop():
        raise SourceError(f"{', '.join(s.name for s in sources)}: gave no picture to keep")
    return 0


def calibrate(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A camera plane from pictures of a checkerboard."""
    from itertools import chain

    from edge.length.calibrating import Wanted, calibrated

    wanted = Wanted(flags.board, flags.square_mm, flags.count)
    with ExitStack() as opened:
        sources = _open_sources(flags, opened, stop)
        frames = chain.from_iterable(source.frames() for source in sources)
        with _bar(flags, flags.count) as step:
            lines = calibrated(frames, wanted, Path(flags.out), step)
    for line in lines:
        write_line(out, line)
    write_line(out, f"next: edge-tag --plane {flags.out} {flags.sources[0]}")
    return 0


def config(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """What a config file says."""
    from edge.config.verb import lines

    for line in lines(flags.action, flags.file):
        write_line(out, line)
    return 0


def devices(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """List the device profiles."""
    from edge import profiles

    rows = [("profile", "engine", "provider", "threads", "budget", "device")]
    for path in profiles.files():
        p = profiles.read(path)
        budget = "no limit" if p.budget_ms is None else f"{p.budget_ms:g} ms"
        cells = (p.name, p.engine or "any", p.provider or "CPU", str(p.threads or "any"), budget)
        rows.append((*cells, p.title))
    print_table(out, rows)
    return 0


def check(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A bundle against its own hashes and golden answers, on each engine that is installed."""
    from edge.audit import audit

    findings = []
    for finding in audit(flags.bundle):
        if stop():
            return 0
        findings.append(finding)
    print_table(out, [(f.answer, f.what, f.found) for f in findings])
    wrong = [f.what for f in findings if f.answer == "NO"]
    if wrong:
        raise CheckFailed(f"check: no: {', '.join(wrong)}", fix="copy the bundle again")
    if not any(f.is_golden and f.answer == "yes" for f in findings):
        raise CheckFailed("check: no engine of this bundle is installed, expected at least one")
    return 0


def doctor(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """What is wrong here, and what to do."""
    from edge.doctor.report import examined, exit_code, write_report

    wrong: EdgeError | None = None
    try:
        flags = _with_profile(flags)
    except ConfigError as e:
        wrong = e
    report = examined(flags, stop, wrong)
    write_report(out, report, is_json=flags.json)
    return exit_code(report)


VERBS: dict[str, Callable[[argparse.Namespace, BinaryIO, Stop], int]] = {
    "run": run,
    "enroll": enroll,
    "capture": capture,
    "calibrate": calibrate,
    "check": check,
    "doctor": doctor,
    "config": config,
    "devices": devices,
}


def _configured(flags: argparse.Namespace, opened: ExitStack) -> Configured | None:
    """The config file, with its values in the flags that were not given."""
    if flags.config is None:
        return None
    from edge.config.applied import configured

    return configured(flags, opened.enter_context(hangups()))


def _with_profile(flags: argparse.Namespace) -> argparse.Namespace:
    """The flags, with the device profile's values where a flag was not given."""
    if flags.device is not None:
        from edge import profiles

        profile = profiles.find(flags.device)
        for key in ("engine", "provider", "threads", "budget_ms", "thermal"):
            # a provider belongs to its engine: another engine by flag leaves the profile's behind
            is_foreign = key == "provider" and flags.engine not in (None, profile.engine)
            if getattr(flags, key) is None and not is_foreign:
                setattr(flags, key, getattr(profile, key))
    return flags


def _open_sources(flags: argparse.Namespace, opened: ExitStack, stop: Stop) -> list[Source]:
    from edge.sources import open_source

    return [
        opened.enter_context(closing(open_source(text, every_s=every_s, is_stopped=stop)))
        for text, every_s in zip(flags.sources, _paces_s(flags), strict=True)
    ]


def _paces_s(flags: argparse.Namespace) -> list[float]:
    return [flags.every_s or 0.0 if pace_s is None else pace_s for pace_s in flags.paces_s]


def _names(flags: argparse.Namespace, sources: Sequence[Source]) -> list[str]:
    """Of all sources, as results have them."""
    named = zip(sources, flags.names or [None] * len(sources), strict=True)
    return [name or source.name for source, name in named]


def _open_tagger(flags: argparse.Namespace, opened: ExitStack) -> Tagger:
    from edge.tagger import open_tagger

    tagger = open_tagger(flags.bundle, flags.engine, flags.provider, flags.threads)
    opened.enter_context(closing(tagger))
    _add_heads(flags, tagger)
    return tagger


def _add_heads(flags: argparse.Namespace, tagger: Tagger) -> None:
    """What was enrolled, and tags by their texts."""
    from edge.heads.added import open_gallery, open_vocabulary

    gallery = None if flags.no_gallery else open_gallery(tagger.bundle, flags.gallery)
    if gallery is not None:
        tagger.add(gallery)
    if flags.vocabulary is not None:
        tagger.add(open_vocabulary(tagger.bundle, flags.vocabulary))


def _view(flags: argparse.Namespace, opened: ExitStack) -> View:
    from edge.frames import View
    from edge.records import Budget

    budget = Budget() if flags.budget_ms is None else Budget(frame_ms=flags.budget_ms)
    return View(flags.whole, flags.top_k, budget, _ruler(flags, opened))


def _ruler(flags: argparse.Namespace, opened: ExitStack) -> Ruler | None:
    if flags.plane is None and flags.mm_per_px is None:
        for flag, given in (
            ("--outline", flags.outline),
            ("--length-to fork", flags.length_to == "fork"),
        ):
            if given:
                raise UsageError(
                    f"{flag} is given without a plane, expected --plane or --mm-per-px beside it",
                    fix="edge-tag --mm-per-px 0.5 ..., or edge-tag calibrate",
                )
        return None
    from edge.length.plane import FlatPlane
    from edge.length.plane_file import read_plane
    from edge.length.ruler import Ruler

    plane = FlatPlane(flags.mm_per_px) if flags.plane is None else read_plane(Path(flags.plane))
    if flags.outline is None:
        return Ruler(plane, flags.length_to)
    from edge.length.outline import open_outline

    outliner = open_outline(
        Path(flags.outline), flags.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return Ruler(plane, flags.length_to, outliner)


def _outlined(view: View, tagger: Tagger, flags: argparse.Namespace, opened: ExitStack) -> View:
    """With the outline that the bundle holds, where lengths are wanted and none was named."""
    if view.ruler is None or view.ruler.outliner is not None or not tagger.bundle.manifest.outline:
        return view
    from msgspec.structs import replace

    from edge.length.packed import open_packed

    outliner = open_packed(
        tagger.bundle, tagger.artifact.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return replace(view, ruler=replace(view.ruler, outliner=outliner))


def _open_recipients(
    flags: argparse.Namespace, sources: Sequence[Source], opened: ExitStack
) -> Recipients:
    """Before the tagger: a wrong word is told at once."""
    from edge.outbox.box import Limits
    from edge.recipients import open_recipients

    limits = Limits(bytes=(flags.outbox_mb or OUTBOX_MB) << 20)
    named = zip(sources, _names(flags, sources), strict=True)
    cameras = [name for source, name in named if source.is_live]
    return opened.enter_context(closing(open_recipients(flags.to, cameras, flags.outbox, limits)))


def _open_health(
    flags: argparse.Namespace,
    sources: Sequence[Source],
    recipients: Recipients,
    opened: ExitStack,
) -> Health:
    from edge.health.address import parse_door
    from edge.health.opened import Wanted, open_health
    from edge.recipients import outbox_path
    from edge.schedule.cooling import Thermal

    if flags.health is None and flags.health_token_file is not None:
        raise UsageError("--health-token-file is given without --health, expected both")
    limits = flags.thermal
    wanted = Wanted(
        names=tuple(_names(flags, sources)),
        live=tuple(n for n, source in enumerate(sources) if source.is_live),
        every_s=max(_paces_s(flags), default=0.0),
        door=None if flags.health is None else parse_door(flags.health, flags.health_token_file),
        thermal=Thermal(*limits) if isinstance(limits, tuple) else limits,
        disk=outbox_path(flags.outbox).parent,
    )
    return opened.enter_context(closing(open_health(wanted, recipients.health)))


def _open_sinks(
    flags: argparse.Namespace,
    sources: Sequence[Source],
    out: BinaryIO,
    opened: ExitStack,
    more: Sequence[Sink],
) -> list[Sink]:
    """Results first, pictures after: a line about a frame is worth more than its picture."""
    counts = [source.count for source in sources]
    known = None if None in counts else sum(count or 0 for count in counts)
    sinks: list[Sink] = [_openresults(flags, sources, out)]
    if flags.annotate is not None:
        from edge.sinks.pictures import PicturesSink

        sinks.append(PicturesSink(Path(flags.annotate)))
    sinks += more
    is_live = any(source.is_live for source in sources)
    if _wants_bar(flags) and not is_live and known != 1:
        from edge.sinks.progress import ProgressSink

        count = known if flags.frames is None or known is None else min(known, flags.frames)
        sinks = [ProgressSink(sinks, count, is_shared=out.isatty())]
    for sink in sinks:
        opened.enter_context(closing(sink))
    return sinks


def _open_explain(flags: argparse.Namespace, opened: ExitStack) -> Explain | None:
    if flags.explain is None:
        return None
    from edge.sinks.explained import ExplainedPictures

    pictures = ExplainedPictures(Path(flags.explain), flags.explain_keep, flags.explain_every_s)
    return opened.enter_context(closing(pictures)).write


def _openresults(flags: argparse.Namespace, sources: Sequence[Source], out: BinaryIO) -> Sink:
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
        on_close="" if is_live else _next(flags),
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
    )


def _next(flags: argparse.Namespace) -> str:
    where = f"tags drawn on: {Path(flags.annotate) / '*.tags.jpg'}\n" if flags.annotate else ""
    why = f"why, in pictures: {Path(flags.explain) / '*.why.jpg'}\n" if flags.explain else ""
    return f"{where}{why}{NEXT}"


def _wants_bar(flags: argparse.Namespace) -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and not flags.quiet


@contextmanager
def _bar(flags: argparse.Namespace, count: int) -> Iterator[Callable[[], object]]:
    """A function that counts one more, with a bar on a terminal."""
    if not _wants_bar(flags):
        yield lambda: None
        return
    from edge.sinks.progress import open_bar

    with open_bar(count, "pictures") as bar:
        yield bar.update


def _level(flags: argparse.Namespace) -> int:
    if flags.verbose:
        return logging.DEBUG
    return logging.ERROR if flags.quiet else logging.WARNING
