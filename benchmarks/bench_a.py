"""Benchmark A: how much detail is found for how much compute, against peers.

    python -m benchmarks.bench_a --objects DIR --canvases DIR --seed 1 --out DIR

Composed 4K scenes with exact boxes (calib_data/composed.py); every contender looks with the same
open tagger: same session, thresholds and pixels. Each scene is run `--repeats` times, the
contenders forward, then backward; of a step's times the median counts. Engine time is all that is
spent inside the engine, the glance included. Writes bench-a.json and bench-a.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.command import with_tagger
from benchmarks.contenders import TABLE, Contender, load
from benchmarks.drawing import line_panels
from benchmarks.machine import RESULTS, about, load_average, say_remaining, write_json
from benchmarks.measures import order
from benchmarks.reports import bench_a as report_a
from benchmarks.scoring import Trace, middle, trace
from benchmarks.subjects import Subjects, subjects
from calib_data.composed import Composed, scenes
from edge.tagger import Tagger

GROUPS = ("all", "clustered3", "clustered8", "uniform8", "clustered16", "uniform16")
NEEDED = ("ours", "sahi640", "random", "oracle")  # the headline ratios are made of
WARM_UP = 5  # looks


def measure(
    tagger: Tagger,
    made: Iterable[Composed],
    count: int,
    contenders: Mapping[str, Contender],
    repeats: int,
) -> dict[str, list[Trace]]:
    """Every contender on every one of `count` scenes, interleaved. Gives a trace a scene."""
    found: dict[str, list[Trace]] = {name: [] for name in contenders}
    begin = perf_counter()
    for number, scene in enumerate(made):
        runs: dict[str, list[Trace]] = {name: [] for name in contenders}
        for name in order(list(contenders), number, repeats):
            runs[name].append(timed(tagger, scene, contenders[name], number))
        for name, several in runs.items():
            found[name].append(middle(several))
        if number in (0, 11):  # of twelve kinds of scenes
            say_remaining(number + 1, count, perf_counter() - begin)
    return found


def timed(tagger: Tagger, scene: Composed, contender: Contender, number: int) -> Trace:
    """One contender on one scene."""
    draw = np.random.default_rng([number, 77])
    wall, cpu = perf_counter(), process_time()
    run = contender(tagger, scene, draw)
    return trace(scene, run, (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3)


def warm_up(tagger: Tagger, scene: Composed, contenders: Mapping[str, Contender]) -> None:
    """What a first run costs extra is not measured."""
    draw = np.random.default_rng(0)
    for name in ["full"] * WARM_UP + list(contenders):
        load(name)(tagger, scene, draw)


def run(args: argparse.Namespace, tagger: Tagger) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    contenders = {name: load(name) for name in args.contenders}
    begun = about("A: recall against compute", tagger.bundle.id)
    with_what = subjects(tagger, args.objects, args.canvases)
    small = next(scenes(with_what.things, with_what.canvases, args.seed, 1, (1280, 720)))
    warm_up(tagger, small, contenders)
    made = scenes(with_what.things, with_what.canvases, args.seed, args.scenes)
    traces = measure(tagger, made, args.scenes, contenders, args.repeats)
    begun["machine"]["load_after"] = round(load_average(), 2)
    found = begun | _settings(args, tagger, with_what) | report_a.numbers(traces)
    found["targets"] = report_a.judged(found)
    write_json(args.out / "bench-a.json", found)
    plots = report_a.curves(traces, GROUPS)
    line_panels(args.out / "bench-a.png", plots, "engine ms a scene", "recall")
    sys.stdout.write(report_a.table(found) + "\n")
    return found


def _settings(args: argparse.Namespace, tagger: Tagger, with_what: Subjects) -> dict[str, Any]:
    return {
        "engine": tagger.engine,
        "threads": 1,
        "has_glance": tagger.has_glance,
        "seed": args.seed,
        "scenes": args.scenes,
        "repeats": args.repeats,
        "objects": str(args.objects or "../shared/data, held-out parts"),
        "canvases": str(args.canvases or "../shared/data/photos"),
        "things_used": sum(t.head != "none" for t in with_what.things),
        "distractors_used": sum(t.head == "none" for t in with_what.things),
        "left_out": with_what.left_out,
        "left_out_count": sum(with_what.left_out.values()),
    }


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_a", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument(
        "--objects",
        type=Path,
        metavar="DIR",
        help="labelled pictures: *.jsonl with `file` and a label (default: the held-out parts "
        "of ../shared/data)",
    )
    made.add_argument("--canvases", type=Path, metavar="DIR", help="photos (default: ../shared)")
    made.add_argument("--seed", type=int, default=1, help="of the scenes (default 1)")
    made.add_argument("--scenes", type=int, default=240, help="how many, best a multiple of 12")
    made.add_argument("--repeats", type=int, default=3, help="runs a scene (default 3)")
    made.add_argument("--engine", default="onnxruntime", help="default onnxruntime")
    made.add_argument("--bundle", help="default: the one that comes with edge-tag")
    made.add_argument(
        "--contenders",
        type=lambda words: words.split(","),
        default=list(TABLE),
        help=f"comma-separated, with {','.join(NEEDED)} (default: all)",
    )
    made.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    return made


def check(args: argparse.Namespace, say: argparse.ArgumentParser) -> None:
    """Refuse what cannot be run, with the flag's name."""
    unknown = sorted(set(args.contenders) - set(TABLE))
    absent = sorted(set(NEEDED) - set(args.contenders))
    if unknown or absent:
        say.error(
            f"--contenders: {', '.join(unknown) or 'nothing'} is unknown and "
            f"{', '.join(absent) or 'nothing'} is missing, expected some of {', '.join(TABLE)}"
        )
    if args.scenes < 1 or args.repeats < 1 or args.seed < 0:
        say.error("--scenes and --repeats must be 1 or more, --seed 0 or more")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = parser()
    args = say.parse_args(argv)
    check(args, say)
    return with_tagger(args.bundle, args.engine, partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
