"""Benchmark A: how much detail is found for how much compute, against peers.

    python -m benchmarks.bench_a --objects DIR --canvases DIR --seed 1 --out build/bench-a

Composed 4K scenes with exact boxes (calib_data/composed.py); every contender looks with the same
open tagger: same session, thresholds and pixels. Each scene is run `--repeats` times, the
contenders forward, then backward; of a step's times the lowest counts, for the machine is shared.
Engine time is all that is spent inside the engine, the glance included. Writes bench-a.json,
bench-a.svg and scene.jpg (our looks over SAHI's slices).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from benchmarks import report_a
from benchmarks.contenders import TABLE, Contender, load
from benchmarks.contenders.looking import Run
from benchmarks.drawing import looks_picture, panels
from benchmarks.machine import is_quiet, machine
from benchmarks.scoring import Trace, finds, quicker, trace
from benchmarks.subjects import Subjects, subjects
from calib_data.composed import Composed, scenes
from edge.errors import EdgeError
from edge.tagger import Tagger, open_tagger

GROUPS = ("all", "clustered3", "clustered8", "uniform8", "clustered16", "uniform16")
NEEDED = ("ours", "sahi640", "random", "oracle", "oracle90")  # the headline ratios are made of
WARM_UP = 5  # looks


def measure(
    tagger: Tagger, made: Iterator[Composed], contenders: Mapping[str, Contender], repeats: int
) -> dict[str, list[Trace]]:
    """Every contender on every scene, interleaved. Gives a trace a scene."""
    found: dict[str, list[Trace]] = {name: [] for name in contenders}
    for number, scene in enumerate(made):
        runs: dict[str, Trace] = {}
        for name in order(list(contenders), number, repeats):
            one = timed(tagger, scene, contenders[name], number)
            runs[name] = quicker(runs[name], one) if name in runs else one
        for name, one in runs.items():
            found[name].append(one)
    return found


def order(names: Sequence[str], number: int, repeats: int) -> list[str]:
    """Forward and backward in turn (ABBA), so that a machine that slows down slows all of them.

    The kinds of scenes come in turns of twelve: the first direction changes with each turn too.
    """
    turns = [(number + number // 12 + k) % 2 for k in range(repeats)]
    return [name for turn in turns for name in (names if turn == 0 else names[::-1])]


def timed(tagger: Tagger, scene: Composed, contender: Contender, number: int) -> Trace:
    """One contender on one scene."""
    draw = np.random.default_rng([number, 77])
    wall, cpu = perf_counter(), process_time()
    run = contender(tagger, scene, draw)
    return trace(scene, run, (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3)


def warm_up(tagger: Tagger, scene: Composed, contenders: Mapping[str, Contender]) -> None:
    """What a first run costs extra is not measured."""
    for _ in range(WARM_UP):
        contenders["ours"](tagger, scene, np.random.default_rng(0))


def picture(tagger: Tagger, scene: Composed, contenders: Mapping[str, Contender]) -> Any:
    """A scene with our looks over SAHI's slices."""
    draw = np.random.default_rng(0)
    ours, sahi = (contenders[n](tagger, scene, draw) for n in ("ours", "sahi640"))
    known = {n for look in ours.looks for n in finds(look, scene.placed)}
    boxes = [p.box for p in scene.placed]
    found = [box for n, box in enumerate(boxes) if n in known]
    missed = [box for n, box in enumerate(boxes) if n not in known]
    return looks_picture(scene.pixels, found, missed, _crops(ours), _crops(sahi))


def _crops(run: Run) -> list[tuple[int, int, int, int]]:
    return [look.region.box for look in run.looks if look.region.kind != "full"]


def write(out: Path, found: Mapping[str, Any], plot: str, rgb: Any) -> None:
    """bench-a.json, bench-a.svg, scene.jpg."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench-a.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    (out / "bench-a.svg").write_text(plot, "utf-8")
    cv2.imwrite(str(out / "scene.jpg"), rgb[..., ::-1])


def run(args: argparse.Namespace, tagger: Tagger) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    contenders = {name: load(name) for name in args.contenders}
    before = machine()
    with_what = subjects(tagger, args.objects, args.canvases)
    example = next(islice(scenes(with_what.things, with_what.canvases, args.seed, 6), 5, None))
    warm_up(tagger, example, contenders)
    made = scenes(with_what.things, with_what.canvases, args.seed, args.scenes)
    shown = tqdm(made, total=args.scenes, unit="scene", disable=None)
    traces = measure(tagger, shown, contenders, args.repeats)
    found = _about(args, tagger, with_what, before) | report_a.numbers(traces)
    found["targets"] = report_a.targets(found)
    plot = panels(report_a.curves(traces, GROUPS), "engine ms a scene", "recall")
    write(args.out, found, plot, picture(tagger, example, contenders))
    sys.stdout.write(report_a.table(found) + "\n")
    return found


def _about(
    args: argparse.Namespace, tagger: Tagger, with_what: Subjects, before: Mapping[str, Any]
) -> dict[str, Any]:
    after = machine()
    return {
        "benchmark": "A: recall against compute",
        "machine": dict(before) | {"load_after": after["load"]},
        "engine": tagger.engine,
        "threads": 1,
        "bundle": f"{tagger.bundle.manifest.name}@{tagger.bundle.manifest.counter}",
        "has_glance": tagger.has_glance,
        "seed": args.seed,
        "scenes": args.scenes,
        "repeats": args.repeats,
        "objects": str(args.objects or "../shared/data, held-out parts"),
        "canvases": str(args.canvases or "../shared/data/photos"),
        "things_used": sum(t.head != "none" for t in with_what.things),
        "distractors_used": sum(t.head == "none" for t in with_what.things),
        "left_out": with_what.left_out,
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
    made.add_argument("--repeats", type=int, default=2, help="runs a scene (default 2)")
    made.add_argument("--engine", default="onnxruntime", help="default onnxruntime")
    made.add_argument("--bundle", help="default: the one that comes with edge-tag")
    made.add_argument(
        "--contenders",
        type=lambda words: words.split(","),
        default=list(TABLE),
        help=f"comma-separated, with {','.join(NEEDED)} (default: all)",
    )
    made.add_argument("--street", type=Path, metavar="DIR", help="real photos with `objects` too")
    made.add_argument(
        "--clips", type=Path, metavar="DIR", help="real clips too: time and agreement"
    )
    made.add_argument(
        "--out", type=Path, default=Path("build/bench-a"), help="default build/bench-a"
    )
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
    cv2.setNumThreads(1)
    if not is_quiet():
        sys.stderr.write("the machine is busy: ratios hold, times do not; the JSON says so\n")
    try:
        with open_tagger(args.bundle, args.engine, threads=1) as tagger:
            run(args, tagger)
    except EdgeError as e:
        sys.stderr.write(f"{e}\n" + (f"fix: {e.fix}\n" if e.fix else ""))
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
