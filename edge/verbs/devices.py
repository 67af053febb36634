"""`edge-tag devices`: the profiles, or all that one of them says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.process import Stop, print_table, say, write_line
from edge.verbs.flags import new_parser


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser("edge-tag devices", "The device profiles, or all that one says.")
    text = "a profile, by name or file; auto: this board's"
    parser.add_argument("name", nargs="?", metavar="NAME", help=text)
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser.parse_args(words)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A table; a profile with its predictions; or JSON."""
    from msgspec import json

    from edge.boards import listing
    from edge.boards.chosen import AUTO, chosen

    if flags.name == AUTO:
        flags.name = chosen(AUTO, say).name
    if flags.json:
        write_line(out, json.encode(listing.as_json(flags.name)).decode())
    elif flags.name is None:
        print_table(out, listing.table())
    else:
        for line in listing.lines(flags.name):
            write_line(out, line)
    return 0
