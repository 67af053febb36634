"""Benchmark D: how much our engines add to what the engines take by themselves.

    python -m benchmarks.bench_d --out DIR

One picture, one thread, the same artifact for both sides. Beside a bare loop: in this process, each
launch of ours next to one of theirs, CPU time, so that what others do on the machine counts little.
Beside the tools that come with OpenVINO and LiteRT: as processes that take turns of a quarter of a
second; of what each says of itself the least counts. Writes bench-d.json and bench-d.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import msgspec

from benchmarks.command import finish
from benchmarks.drawing import ratio_rows
from benchmarks.machine import RESULTS, about, bundle_id, load_average, say_remaining, write_json
from benchmarks.reports.bench_d import WITHIN, Pair, compared, headlines, judged, table
from benchmarks.tools import TOOLS, Tool, is_here
from benchmarks.tools.alone import given
from benchmarks.tools.bare import LOOPS
from benchmarks.tools.turns import in_turns
from edge.bundle import DEFAULT, open_bundle
from edge.engines import installed, open_engine

WARM_UP = 5
Timed = tuple[float, float]  # wall, CPU, ms


def timed(run: Callable[[], object]) -> Timed:
    wall, cpu = perf_counter(), process_time()
    run()
    return (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3


def beside_bare(engine: str, launches: int) -> dict[str, Any]:
    """Launches of ours and of a bare loop in turns (ABBA)."""
    files, batch = given(engine)
    opened = open_engine(engine, files, threads=1)
    ours, theirs = (lambda: opened.run(batch)), LOOPS[engine](files, batch)
    for run in (ours, theirs) * WARM_UP:
        run()
    pairs: list[tuple[Timed, Timed]] = []
    for number in range(launches):
        if number % 2:
            second, first = timed(theirs), timed(ours)
        else:
            first, second = timed(ours), timed(theirs)
        pairs.append((first, second))
    walls = [(ours[0], theirs[0]) for ours, theirs in pairs]
    return {
        "cpu": compared([(ours[1], theirs[1]) for ours, theirs in pairs]),
        "wall": compared(walls),
        "least_ms": [min(wall[side] for wall in walls) for side in (0, 1)],
    }


def beside_tool(tool: Tool, launches: int, repeats: int) -> dict[str, Any]:
    """The tool and our own loop, each in a process, in turns; the order changes each time."""
    with open_bundle(DEFAULT) as bundle:
        model = bundle.root / bundle.artifact(tool.engine).files[0].file
    ours = (sys.executable, "-m", "benchmarks.tools.alone", tool.engine, str(launches))
    found: dict[str, list[Pair]] = {"least": [], "p5": []}
    for repeat in range(repeats):
        with TemporaryDirectory() as folder:
            both = [ours, tool.command(model, launches, Path(folder))]
            said = in_turns(both if repeat % 2 else both[::-1])
            mine = msgspec.json.decode(said[0 if repeat % 2 else 1])
            its = tool.read(Path(folder))
        for key, pairs in found.items():
            pairs.append((mine[key], its[key]))
    return {"engine": tool.engine} | {key: compared(pairs) for key, pairs in found.items()}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    found = about("D: the engine beside its own tools", bundle_id())
    found |= {"settings": {"launches": args.launches, "repeats": args.repeats}}
    found |= {"bare": {}, "tools": {}}
    here = [tool for tool in TOOLS if tool.engine in installed() and is_here(tool)]
    found["left_out"] = [tool.name for tool in TOOLS if tool not in here]
    jobs: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
        ("bare", name, partial(beside_bare, name, args.launches))
        for name in LOOPS
        if name in installed()
    ]
    jobs += [
        ("tools", tool.name, partial(beside_tool, tool, args.launches, args.repeats))
        for tool in here
    ]
    begin = perf_counter()
    for done, (part, name, work) in enumerate(jobs, start=1):
        found[part][name] = work()
        if done == 1:
            say_remaining(1, len(jobs) + (args.repeats - 1) * len(TOOLS), perf_counter() - begin)
    found |= headlines(found["bare"], found["tools"])
    found["targets"] = judged(found)
    found["machine"]["load_after"] = round(load_average(), 2)
    write_json(args.out / "bench-d.json", found)
    ratio_rows(args.out / "bench-d.png", _rows(found), WITHIN, "our engine time over theirs")
    sys.stdout.write(f"{table(found)}\n")
    return found


def _rows(found: dict[str, Any]) -> dict[str, tuple[float, Sequence[float]]]:
    """Name -> ratio and its quartiles."""
    rows = {f"bare {engine}": said["cpu"] for engine, said in found["bare"].items()}
    rows |= {name: said["least"] for name, said in found["tools"].items()}
    return {name: (said["ratio"], said["quartiles"]) for name, said in rows.items()}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--launches", type=int, default=1000, help="of each side (default 1000)")
    parser.add_argument("--repeats", type=int, default=7, help="of each tool (default 7)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="default: benchmarks/results")
    args = parser.parse_args(argv)
    if args.launches < 1 or args.repeats < 1:
        parser.error("--launches and --repeats must be 1 or more")
    return finish(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
