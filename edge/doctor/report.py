"""The doctor's round, and how it is told: a table, JSON, or a report for strangers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from edge import __version__
from edge.boards.snapshot import take_snapshot
from edge.clock import utc_now
from edge.doctor import cameras, machine, tagging
from edge.doctor.anonymous import anonymous, own_names
from edge.doctor.finding import Finding, fail
from edge.errors import EdgeError
from edge.health.power import read_power
from edge.health.wall_clock import is_clock_synced
from edge.homes import outbox_path
from edge.process import print_table, write_line
from edge.redact import redacted


class Report(msgspec.Struct, frozen=True):
    """What was found."""

    schema: int
    time: str  # RFC 3339 in UTC
    version: str
    findings: tuple[Finding, ...]


def examined(
    flags: argparse.Namespace, is_stopped: Callable[[], bool], wrong: EdgeError | None = None
) -> Report:
    """Everything, until `is_stopped()`.

    flags  as `edge-tag doctor` takes them
    wrong  with the device profile, which was left out then
    Never raises an EdgeError: what is wrong is found.
    """
    hide = _stranger(flags) if flags.redacted else redacted
    first = [] if wrong is None else [fail("machine", "device profile", wrong)]
    findings = [_shown(finding, hide) for finding in first]
    for finding in _round(flags, is_stopped):
        findings.append(_shown(finding, hide))
        if is_stopped():
            break
    return Report(1, utc_now(), __version__, tuple(findings))


def exit_code(report: Report) -> int:
    """0, or that of the first that fails."""
    return next((f.exit_code for f in report.findings if f.verdict == "FAIL"), 0)


def write_report(out: BinaryIO, report: Report, *, is_json: bool) -> None:
    """Raises SinkError, and BrokenPipeError."""
    if is_json:
        write_line(out, msgspec.json.encode(report).decode())
        return
    print_table(out, [(f.verdict, f.area, f.what, f.found) for f in report.findings])
    for finding in report.findings:
        if finding.verdict != "OK":
            write_line(out, f"{finding.verdict} {finding.what}: fix: {finding.fix}")
    counts = [f.verdict for f in report.findings]
    write_line(out, ", ".join(f"{counts.count(v)} {v}" for v in ("OK", "WARN", "FAIL")))


def _round(flags: argparse.Namespace, is_stopped: Callable[[], bool]) -> Iterator[Finding]:
    """What is quick first."""
    asked = flags.bundle, flags.engine, flags.provider, flags.threads
    rounds: Iterable[Callable[[], Iterator[Finding]]] = (
        machine.versions,
        lambda: machine.device(take_snapshot()),
        lambda: machine.disk(outbox_path(flags.outbox).parent),
        lambda: machine.clock(is_clock_synced()),
        lambda: machine.power(read_power()),
        cameras.nodes,
        lambda: cameras.named(flags.sources, is_stopped, flags.names),
        tagging.engines,
        tagging.extras,
        lambda: tagging.run_as_asked(*asked),
        lambda: tagging.bundle(flags.bundle),
        lambda: tagging.gallery(flags.bundle),
    )
    return chain.from_iterable(look() for look in rounds)


def _stranger(flags: argparse.Namespace) -> Callable[[str], str]:
    """What hides this machine, its user, and whatever was named on the command line."""
    own = flags.device if (flags.device or "").endswith(".toml") else None  # else one that ships
    named = (*flags.sources, *(flags.names or ()))
    given = [text for text in (flags.bundle, flags.config, own, *named) if text]
    private = [text for text in given if not text.startswith(("camera:", "/dev/video"))]
    names = [*own_names(), *private]
    return lambda text: anonymous(redacted(text, ()), names)


def _shown(finding: Finding, hide: Callable[[str], str]) -> Finding:
    return replace(
        finding, what=hide(finding.what), found=hide(finding.found), fix=hide(finding.fix)
    )
