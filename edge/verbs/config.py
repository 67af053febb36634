"""`edge-tag config check | show | schema | event-schema`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.errors import UsageError
from edge.process import Stop, write_line
from edge.verbs.flags import new_parser

SCHEMAS = ("schema", "event-schema")


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag config",
        "A config file, as `edge-tag run --config FILE` takes it: is it right? what does it come\n"
        "to, without credentials? What may stand in one, as a JSON schema for editors; and what\n"
        "an event holds, likewise.",
    )
    parser.add_argument("action", choices=("check", "show", *SCHEMAS))
    parser.add_argument("file", nargs="?", metavar="FILE", help="TOML; a schema needs none")
    flags = parser.parse_args(words)
    if flags.action not in SCHEMAS and flags.file is None:
        raise UsageError(
            f"config {flags.action}: no file is given, expected one",
            fix=f"edge-tag config {flags.action} edge.toml",
        )
    return flags


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """What a config file says."""
    from edge.config.subcommands import lines

    for line in lines(flags.action, flags.file):
        write_line(out, line)
    return 0
