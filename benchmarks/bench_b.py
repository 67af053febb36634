"""Benchmark B: how much of the time of a frame is spent inside the engine.

    python -m benchmarks.bench_b --out DIR

A 4K I420 frame in memory, the same 32 tiles of 640 px for everybody, the same weights; 0, 5 and 20
results a tile, with the bundle's input of 224 px and with one of 640 px. Everybody's frames come in
turns (ABBA). Efficiency is engine time / wall time; a ratio is one efficiency over another. Writes
bench-b.json and bench-b.png.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np

from benchmarks.command import finish
from benchmarks.drawing import bar_panels
from benchmarks.machine import RESULTS, about, bundle_id, say_remaining, write_json
from benchmarks.measures import median, order
from benchmarks.pipelines import NAMES, TABLE, Job, Kit, Pipeline, Raw, load
from benchmarks.reports.bench_b import RESULTS_A_TILE, Timed, headlines, judged, summary, table
from benchmarks.variants import ENGINE, FloatInput, model_of, sized_bundle, with_float_input
from edge.bundle import DEFAULT, open_bundle
from edge.engines import open_engine
from edge.frames import tag_frame
from edge.glance.looking import open_glance
from edge.memory.known import Memory
from edge.pictures.planes import planes_of
from edge.records import Budget, Region
from edge.schedule.plan import MOST, Question, plan
from edge.seen import View
from edge.tagger import Tagger

WIDE, TALL = 3840, 2160
TILE_PX, OVERLAP_PX = 640, 128
LARGE_PX = 640
WARM_UP = 1  # frames of each pipeline

# Input px -> results a tile -> pipeline -> its frames.
Timings = Mapping[int, Mapping[int, Mapping[str, Sequence[Timed]]]]


def tiles() -> tuple[Region, ...]:
    """The slices that SAHI cuts, and supervision with that overlap: the last ones moved inside."""
    step = TILE_PX - OVERLAP_PX
    xs = [min(x, WIDE - TILE_PX) for x in range(0, WIDE - OVERLAP_PX, step)]
    ys = [min(y, TALL - TILE_PX) for y in range(0, TALL - OVERLAP_PX, step)]
    return tuple(Region(x, y, x + TILE_PX, y + TILE_PX, "tile") for y in ys for x in xs)


def made(count: int, draw: np.random.Generator) -> Job:
    """A frame of noise with `count` results a tile."""
    i420 = draw.integers(16, 236, (TALL * 3 // 2, WIDE), np.uint8)
    every = tiles()
    return Job(i420, planes_of(i420, "I420"), every, tuple(drawn(count, draw) for _ in every))


def drawn(count: int, draw: np.random.Generator) -> Raw:
    """Results of a tile: boxes of 20 to 160 px anywhere."""
    sides = draw.uniform(20, 160, (count, 2))
    corners = draw.uniform(0, 1, (count, 2)) * (TILE_PX - sides)
    boxes = np.hstack([corners, corners + sides]).astype(np.float32)
    scores = draw.uniform(0.3, 1.0, count).astype(np.float32)
    return Raw(boxes, scores, draw.integers(0, len(NAMES), count))


@contextmanager
def opened(bundle: Path) -> Iterator[Kit]:
    """The network in both forms."""
    files = open_bundle(bundle)
    model = model_of(files)
    engine = open_engine(ENGINE, [model], threads=1)
    artifact = files.artifact(ENGINE)
    with Tagger(files, artifact, engine, open_glance(files, artifact, "CPU", 1)) as tagger:
        yield Kit(tagger, engine, FloatInput(with_float_input(model)))


def timed(kit: Kit, job: Job, pipeline: Pipeline) -> Timed:
    wall, cpu = perf_counter(), process_time()
    done = pipeline(kit, job)
    return Timed((perf_counter() - wall) * 1e3, done.engine_ms, (process_time() - cpu) * 1e3)


def measure(
    kit: Kit, job: Job, pipelines: Mapping[str, Pipeline], frames: int
) -> dict[str, list[Timed]]:
    """Every pipeline on the same frame, again and again, in turns."""
    found: dict[str, list[Timed]] = {name: [] for name in pipelines}
    for pipeline in [*pipelines.values()] * WARM_UP:
        pipeline(kit, job)
    for number in range(frames):
        for name in order(list(pipelines), number, 1):
            found[name].append(timed(kit, job, pipelines[name]))
    return found


@contextmanager
def counting() -> Iterator[list[int]]:
    """The number of conversions of at least half a frame made meanwhile, in a list of one."""
    count = [0]
    kept = {name: getattr(cv2, name) for name in ("cvtColor", "cvtColorTwoPlane")}

    def counted(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = kept[name](*args, **kwargs)
            count[0] += out.shape[0] * out.shape[1] >= WIDE * TALL / 2
            return out

        return call

    try:
        for name in kept:
            setattr(cv2, name, counted(name))
        yield count
    finally:
        for name, real in kept.items():
            setattr(cv2, name, real)


def conversions(kit: Kit, job: Job, pipelines: Mapping[str, Pipeline]) -> dict[str, int]:
    """Conversions of a whole frame that one frame takes."""
    found = {}
    for name, pipeline in pipelines.items():
        with counting() as count:
            pipeline(kit, job)
        found[name] = count[0]
    return found


def planner_ms(draw: np.random.Generator) -> float:
    """The median time of a plan among 120 candidates for 60 items."""
    question = Question(
        worth=draw.random(60, np.float32),
        sees=(draw.random((MOST, 60), np.float32) > 0.9).astype(np.float32) * 0.7,
        costs_ms=np.full(MOST, 3.0, np.float32),
        due=np.zeros(MOST, np.float32),
        explores=np.arange(MOST) >= 100,
    )
    taken = []
    for _ in range(50):
        begin = perf_counter()
        plan(question, Budget(50.0))
        taken.append((perf_counter() - begin) * 1e3)
    return median(taken)


def whole_way(tagger: Tagger, job: Job, frames: int) -> dict[str, Any]:
    """`tag_frame` on the frame as a source's first: glance, plan, looks, fusion."""
    kept = []
    with counting() as count:
        for _ in range(frames):
            begin = perf_counter()
            seen = tag_frame(tagger, job.planes, View(), Memory())
            kept.append((seen.spent.engine_ms, (perf_counter() - begin) * 1e3))
    return {
        "efficiency": median([engine_ms / wall_ms for engine_ms, wall_ms in kept]),
        "engine_ms": median([engine_ms for engine_ms, _ in kept]),
        "beside_ms": median([wall_ms - engine_ms for engine_ms, wall_ms in kept]),
        "full_frame_conversions": count[0],
    }


def both_sizes(
    bundle: Path, jobs: Mapping[int, Job], pipelines: Mapping[str, Pipeline], frames: int
) -> tuple[Timings, dict[str, Any]]:
    """With the bundle's input and with a large one; and what only the former is asked for."""
    timings: dict[int, dict[int, dict[str, list[Timed]]]] = {}
    beside: dict[str, Any] = {}
    begin, done = perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large"
        sized_bundle(large, bundle, LARGE_PX)
        for one in (bundle, large):
            with opened(one) as kit:
                timings[kit.input_px] = {}
                for count, job in jobs.items():
                    timings[kit.input_px][count] = measure(kit, job, pipelines, frames)
                    done += 1 if kit.input_px < LARGE_PX else 8  # runs in proportion to pixels
                    say_remaining(done, 27, perf_counter() - begin)
                if one == bundle:
                    beside["conversions"] = conversions(kit, jobs[5], pipelines)
                    beside["whole_way"] = whole_way(kit.tagger, jobs[5], frames)
    return timings, beside


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    begun = about("B: pipeline efficiency", bundle_id(args.bundle))
    pipelines = {name: load(name) for name in args.pipelines}
    draw = np.random.default_rng(args.seed)
    jobs = {count: made(count, draw) for count in RESULTS_A_TILE}
    found: dict[str, Any] = {"planner_ms": planner_ms(draw)}
    timings, beside = both_sizes(args.bundle, jobs, pipelines, args.frames)
    found |= beside
    found |= headlines(timings) | {"full_frame_conversions": float(found["conversions"]["ours"])}
    found["targets"] = judged(found)
    found["pipelines"] = {
        str(side): {
            str(count): {name: summary(frames) for name, frames in by_name.items()}
            for count, by_name in by_count.items()
        }
        for side, by_count in timings.items()
    }
    settings = {"frames": args.frames, "seed": args.seed, "engine": ENGINE, "threads": 1}
    said = begun | settings | found
    write_json(args.out / "bench-b.json", said)
    _plot(args.out / "bench-b.png", said)
    sys.stdout.write(table(said) + "\n")
    return said


def _plot(file: Path, said: Mapping[str, Any]) -> None:
    plots = {
        f"{side} px input, {count} results a tile": {
            name: row["efficiency"] for name, row in by_name.items()
        }
        for side, by_count in said["pipelines"].items()
        for count, by_name in by_count.items()
        if count != "0"
    }
    bar_panels(file, plots, "engine time / wall time")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_b", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--bundle", type=Path, default=DEFAULT, help="default: edge-tag's own")
    made.add_argument("--frames", type=int, default=11, help="of each pipeline (default 11)")
    made.add_argument("--seed", type=int, default=1, help="of frame and results (default 1)")
    made.add_argument(
        "--pipelines",
        type=lambda words: words.split(","),
        default=list(TABLE),
        help="comma-separated, with ours,sahi (default: all)",
    )
    made.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = parser()
    args = say.parse_args(argv)
    if set(args.pipelines) - set(TABLE) or {"ours", "sahi"} - set(args.pipelines):
        say.error(f"--pipelines: expected ours, sahi and some of {', '.join(TABLE)}")
    if args.frames < 1 or args.seed < 0:
        say.error("--frames must be 1 or more, --seed 0 or more")
    return finish(partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
