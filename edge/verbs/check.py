"""`edge-tag check`: is the bundle right?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from edge.errors import CheckFailed
from edge.process import Stop, print_table
from edge.verbs.flags import new_parser


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    what = "Check a bundle's signature, its hashes and its golden answers, on each engine."
    parser = new_parser("edge-tag check", what)
    add_arguments(parser)
    return parser.parse_args(words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `edge-tag bundle verify` too."""
    text = "default: the one that is installed, else the one that ships"
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help=text)
    text = "PEM of public keys of which one must have signed it (default: those that are trusted)"
    parser.add_argument("--key", metavar="FILE", help=text)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A bundle against its own hashes and golden answers, on each engine that is installed.

    Raises CheckFailed where the answer is no, or there is none.
    """
    from edge.bundle.audit import audit
    from edge.bundle.keys import read_public

    findings = []
    keys = None if flags.key is None else read_public(Path(flags.key))
    for finding in audit(flags.bundle, keys):
        if stop():
            raise CheckFailed(
                "check: stopped before its end, so there is no answer",
                fix="run it again, and let it come to its end",
            )
        findings.append(finding)
    print_table(out, [(f.answer, f.what, f.found) for f in findings])
    wrong = [f.what for f in findings if f.answer == "NO"]
    if wrong:
        raise CheckFailed(f"check: no: {', '.join(wrong)}", fix="copy the bundle again")
    if not any(f.is_golden and f.answer == "yes" for f in findings):
        raise CheckFailed(
            "check: no engine of this bundle is installed, expected at least one",
            fix="install one that the table names",
        )
    return 0
