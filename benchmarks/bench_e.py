"""Benchmark E: from a fresh process to the first tag of a 4K picture; memory; size on the disk.

    python -m benchmarks.bench_e --repeats 11 --out DIR

`bare` is the least that gives a tag (benchmarks/cold/bare.py): OpenCV, the engine, the same
artifact, one look. `ours` is `edge-tag --whole PICTURE`: one look too, after every hash and golden
picture was checked. `supervision` and `sahi` are bare with an import of the package before. A fresh
process each, in turns (ABBA). For memory, `--frames` pictures in one process, ours with all its
closer looks. Size is that of the files of what is installed here. Writes bench-e.json and
bench-e.png.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.cold.installed import bare_mb, lay_down, ours_mb
from benchmarks.cold.process import Cost, cost
from benchmarks.command import finish
from benchmarks.drawing import bar_panels
from benchmarks.machine import RESULTS, ROOT, about, bundle_id, say_remaining, write_json
from benchmarks.measures import order
from benchmarks.reports.bench_e import (
    BARE,
    ENGINES,
    OURS,
    first_tags,
    installed_size,
    judged,
    memory,
    summary,
    table,
)
from edge.bundle import DEFAULT, open_bundle
from edge.engines import installed

PEERS = {"supervision": "supervision", "sahi": "sahi.slicing"}  # contender -> what is imported
PICTURE = ROOT / "calib_data" / "demo" / "shelf.jpg"
THREADS = "1"

Start = Callable[[str, int], Cost]  # contender, frames


def starter(engine: str, picture: Path, laid_down: Path, *, whole: bool) -> Start:
    """A function that runs a contender in a fresh process."""
    with open_bundle(DEFAULT) as bundle:
        files = [str(DEFAULT / stored.file) for stored in bundle.artifact(engine).files]
    # for all alike, though only edge-tag does so of itself: what reporting costs is no matter here
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": ""}

    def start(name: str, frames: int) -> Cost:
        if name == OURS:
            kind = ["--whole"] if whole else []
            words = ["-m", "edge", "--json", "--quiet", "--engine", engine, "--threads", THREADS]
            command = [sys.executable, *words, *kind, *[str(picture)] * frames]
            return cost(command, quiet, laid_down)  # `-m` looks where it stands before all else
        script = str(ROOT / "benchmarks" / "cold" / "bare.py")
        peer = PEERS.get(name, "-")
        words = [script, engine, str(picture), str(frames), THREADS, peer, *files]
        return cost([sys.executable, *words], quiet, laid_down)

    return start


def in_turns(
    start: Start, names: Sequence[str], frames: int, repeats: int
) -> dict[str, list[Cost]]:
    """Every contender `repeats` times, after one time that does not count: the disk's cache."""
    found: dict[str, list[Cost]] = {name: [] for name in names}
    for name in names:
        start(name, 1)
    for number in range(repeats):
        for name in order(names, number, 1):
            found[name].append(start(name, frames))
    return found


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    begun = about("E: cold start, memory, size", bundle_id())
    engines = [engine for engine in args.engines if engine in installed()]
    peers = [name for name in args.peers if find_spec(PEERS[name].split(".")[0])]
    found: dict[str, Any] = begun | {
        "threads": int(THREADS), "picture": args.picture.name, "repeats": args.repeats,
        "frames": args.frames, "not_measured": sorted({*ENGINES} - {*engines}),
    }  # fmt: skip
    first, many = {}, {}
    begin = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        laid_down = lay_down(Path(folder))
        for done, engine in enumerate(engines, start=1):
            start = starter(engine, args.picture.resolve(), laid_down, whole=True)
            beside = peers if engine == ENGINES[0] else []
            costs = in_turns(start, [BARE, OURS, *beside], 1, args.repeats)
            start = starter(engine, args.picture.resolve(), laid_down, whole=False)
            held = in_turns(start, [BARE, OURS], args.frames, min(3, args.repeats))
            found |= first_tags(engine, costs) | memory(engine, held)
            found |= installed_size(
                engine, {BARE: bare_mb(engine), OURS: ours_mb(engine, laid_down)}
            )
            first[engine], many[engine] = summary(costs), summary(held)
            say_remaining(done, len(engines), perf_counter() - begin)
    found |= {"first_tag": first, "memory": many}
    found["targets"] = judged(found)
    write_json(args.out / "bench-e.json", found)
    _plot(args.out / "bench-e.png", found)
    sys.stdout.write(table(found) + "\n")
    return found


def _plot(file: Path, found: dict[str, Any]) -> None:
    def bars(what: str, key: str) -> dict[str, float]:
        by_engine = found[what].items()
        return {f"{n} {e}": row[key] for e, by_name in by_engine for n, row in by_name.items()}

    sizes = {f"{n} {e}": found[f"{e}_install_mb"][n] for e in found["memory"] for n in (BARE, OURS)}
    plots = {
        "first tag of a 4K JPEG, s": bars("first_tag", "first_line_s"),
        "the same, CPU s of the process": bars("first_tag", "cpu_s"),
        f"most memory, {found['frames']} frames, MB": bars("memory", "rss_mb"),
        "installed, MB": sizes,
    }
    bar_panels(file, plots, "medians, fresh processes in turns")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_e", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--picture", type=Path, default=PICTURE, help="default: the demo's shelf, 4K")
    made.add_argument("--repeats", type=int, default=11, help="of each contender (default 11)")
    made.add_argument("--frames", type=int, default=20, help="for memory (default 20)")
    words = {"type": lambda text: [word for word in text.split(",") if word], "metavar": "A,B"}
    made.add_argument(
        "--engines", default=list(ENGINES), help="default: all that are installed", **words
    )
    made.add_argument("--peers", default=list(PEERS), help="likewise", **words)
    made.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = parser()
    args = say.parse_args(argv)
    if not args.engines or set(args.engines) - set(ENGINES) or set(args.peers) - set(PEERS):
        say.error(f"expected --engines of {', '.join(ENGINES)}, --peers of {', '.join(PEERS)}")
    if args.frames < 1 or args.repeats < 1:
        say.error("--frames and --repeats must be 1 or more")
    return finish(partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
