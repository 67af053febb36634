"""Benchmark F: several cameras on one device.

    python -m benchmarks.bench_f --seconds 40 --seeds 4 --out DIR

1080p cameras at 5 frames a second, each with something moving 20 % of the time, and one VIRTUAL
device, on a clock of its own: nothing here is timed, and the same seeds give the same numbers on
any machine. Every rule (benchmarks/cameras/rules.py) gets the same cameras, more and more of them.
Then one of eight cameras is noisy: does it take from the others?
Writes bench-f.json and bench-f.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.cameras.device import Device, Table
from benchmarks.cameras.rules import RULES
from benchmarks.cameras.served import play
from benchmarks.cameras.yard import ACTIVE, FPS, yard
from benchmarks.command import finish
from benchmarks.drawing import line_panels
from benchmarks.machine import RESULTS, about, write_json
from benchmarks.reports.bench_f import OLD_S, Played, headlines, judged, numbers, table

COUNTS = (1, 2, 4, 8, 16)
NOISY_AMONG = 8
# Outside the engine, on this machine's CPU (medians of `thread_time`): a frame, and each launch.
FRAME_MS, LAUNCH_MS = 0.4, 0.4


def measured(rule: str, count: int, is_noisy: bool, args: argparse.Namespace) -> dict[str, Any]:
    """One rule with so many cameras, the first of them noisy or not; each seed on a device anew."""
    runs = []
    for seed in range(args.seed, args.seed + args.seeds):
        yards = [yard(n, args.seconds, seed, is_noisy=is_noisy and n == 0) for n in range(count)]
        device = Device(_table(args))
        served = play(device, RULES[rule](device, count), yards, args.seconds)
        runs.append(Played(yards, served, args.seconds))
    return numbers(runs)


def _table(args: argparse.Namespace) -> Table:
    return Table("virtual", args.focus_ms, args.glance_ms, FRAME_MS, LAUNCH_MS)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    begun = about("F: several cameras", None)  # a virtual device runs no bundle
    counts = sorted({*args.counts, NOISY_AMONG})
    plays = [(rule, count, False) for rule in RULES for count in counts]
    plays.sort(key=lambda one: -one[1])  # the longest first
    plays.append(("ours", NOISY_AMONG, True))
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        futures = {one: pool.submit(measured, *one, args) for one in plays}
        rows = {one: future.result() for one, future in futures.items()}
    runs = {rule: {count: rows[rule, count, False] for count in args.counts} for rule in RULES}
    alone = [rows["ours", NOISY_AMONG, noisy] for noisy in (False, True)]
    found: dict[str, Any] = begun | {
        "seed": args.seed, "seeds": args.seeds,
        "device": f"virtual: {args.focus_ms:g} ms a look, {args.glance_ms:g} ms a glance; beside "
        f"them edge-tag takes {FRAME_MS:g} ms a frame and {LAUNCH_MS:g} ms a launch",
        "seconds": args.seconds, "fps": FPS, "active": ACTIVE,
    }  # fmt: skip
    found |= headlines(runs, *alone)
    found["targets"] = judged(found)
    found |= {"noisy": dict(zip(("without", "with"), alone)), "runs": _named(runs)}
    write_json(args.out / "bench-f.json", found)
    _plot(args.out / "bench-f.png", found["runs"])
    sys.stdout.write(table(found) + "\n")
    return found


def _named(runs: dict[str, dict[int, dict[str, Any]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """With keys as JSON has them."""
    return {rule: {str(n): row for n, row in rows.items()} for rule, rows in runs.items()}


def _plot(file: Path, runs: dict[str, dict[str, dict[str, Any]]]) -> None:
    titles = {
        "age_p99_s": f"age of what is told of moving things, p99, s (wanted: {OLD_S:g})",
        "told_share": "share of moving things that are told",
        "tags_per_s": "right tags a second, all cameras",
        "busy": "share of the time that the device is busy",
    }
    plots = {
        title: {
            rule: [(float(n), row[key]) for n, row in rows.items()] for rule, rows in runs.items()
        }
        for key, title in titles.items()
    }
    line_panels(file, plots, "cameras, one virtual device", "")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_f", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--seconds", type=float, default=40.0, help="of each run (default 40)")
    made.add_argument("--counts", type=_counts, default=COUNTS, help="of cameras, A,B,C")
    text = "of the virtual device; default 20, a Raspberry Pi 5's order of size"
    made.add_argument("--focus-ms", type=float, default=20.0, metavar="MS", help=f"a look, {text}")
    made.add_argument("--glance-ms", type=float, default=40.0, metavar="MS", help="default 40")
    made.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    made.add_argument("--seed", type=int, default=1, help="of the cameras (default 1)")
    made.add_argument("--seeds", type=int, default=4, help="so many from there on (default 4)")
    made.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    return made


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word) for word in text.split(",")))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = parser()
    args = say.parse_args(argv)
    if (
        not args.counts
        or args.counts[0] < 1
        or args.seconds <= 2
        or min(args.seed, args.seeds - 1) < 0
    ):
        say.error("--counts and --seeds must be 1 or more, --seconds above 2, --seed 0 or more")
    return finish(partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
