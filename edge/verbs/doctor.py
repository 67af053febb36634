"""`edge-tag doctor`: what is wrong here, and what to do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.errors import CheckFailed, ConfigError, EdgeError
from edge.opening.defaults import with_defaults
from edge.process import Stop
from edge.verbs.flags import add_engine, add_sources, named, new_parser


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag doctor",
        "What is wrong here, and what to do: machine, cameras, engines, bundle. Exit code 0, or\n"
        "that of the first thing that fails.",
    )
    add_sources(parser)
    add_engine(parser)
    text = "the TOML of `edge-tag run`: its cameras, what runs it, where its events wait"
    parser.add_argument("--config", metavar="FILE", help=text)
    # a device profile, and a config file, may have them
    parser.set_defaults(budget_ms=None, thermal=None, outbox=None, every_s=None, names=None)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    text = "without names, addresses, paths: safe to show to strangers"
    parser.add_argument("--redacted", action="store_true", help=text)
    flags = parser.parse_args(words)
    flags.sources = named(flags)
    return flags


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """What is wrong here, and what to do."""
    from edge.doctor.report import examined, exit_code, write_report

    if flags.config is not None:
        from edge.config.applied import examined_by

        examined_by(flags)
    wrong: EdgeError | None = None
    try:
        flags = with_defaults(flags)
    except ConfigError as e:
        wrong = e
    report = examined(flags, stop, wrong)
    write_report(out, report, is_json=flags.json)
    if stop():
        raise CheckFailed(
            "doctor: stopped before its end, so there is more to look at",
            fix="run it again, and let it come to its end",
        )
    return exit_code(report)
