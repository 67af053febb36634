"""`edge-tag check`: is the bundle right?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.errors import CheckFailed
from edge.flags import new_parser
from edge.process import Stop, print_table


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag check", "Check a bundle's hashes and its golden answers, on each engine."
    )
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="default: the one that ships")
    return parser.parse_args(words)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A bundle against its own hashes and golden answers, on each engine that is installed.

    Raises CheckFailed where the answer is no, or there is none.
    """
    from edge.audit import audit

    findings = []
    for finding in audit(flags.bundle):
        if stop():
            raise CheckFailed("check: stopped before its end, so there is no answer")
        findings.append(finding)
    print_table(out, [(f.answer, f.what, f.found) for f in findings])
    wrong = [f.what for f in findings if f.answer == "NO"]
    if wrong:
        raise CheckFailed(f"check: no: {', '.join(wrong)}", fix="copy the bundle again")
    if not any(f.is_golden and f.answer == "yes" for f in findings):
        raise CheckFailed("check: no engine of this bundle is installed, expected at least one")
    return 0
