"""The flags of `edge-tag bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

ABOUT = """\
How fast a bundle is on this machine: launches, whole frames by stage, batches; whether the result
is VALID, or why not (exit code 6). `edge-tag bench report` draws all results, and runs nothing."""
OUT = "devices/results"
MIN_SECONDS = 10.0
BATCHES = [1, 2, 4, 8]


def add_bench(
    parser: argparse.ArgumentParser,
    seconds: Callable[[str], float],
    at_least_1: Callable[[str], int],
) -> None:
    add = parser.add_argument
    add("action", nargs="?", choices=("run", "report"), default="run", help="default: run")
    add("--precision", choices=("int8", "float"), help="default: int8 where the bundle has it")
    text = "time the engine for at least so long, frames and batches again (default %(default)g)"
    add("--min-seconds", type=seconds, default=MIN_SECONDS, metavar="S", help=text)
    text = "batches to draw a curve of, where the artifact takes them (default 1 2 4 8)"
    add("--batch", type=at_least_1, nargs="+", default=BATCHES, metavar="N", help=text)
    add("--seed", type=int, default=None, metavar="N", help="of the frame that is looked at")
    add("--json", action="store_true", help="the line of the result in place of a table")
    text = "append the result to DIR/<board>.jsonl; report reads all there (default %(default)s)"
    add("--out", default=OUT, metavar="DIR", help=text)
    text = "write a page that compares all results (report: default OUT/report.html)"
    add("--html", metavar="FILE", help=text)
    parser.set_defaults(budget_ms=None, thermal=None)  # a device profile may have them
