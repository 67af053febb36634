"""`edge-tag devices`: the profiles."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.flags import new_parser
from edge.process import Stop, print_table


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    return new_parser("edge-tag devices", "List the device profiles.").parse_args(words)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
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
