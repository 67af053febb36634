"""Benchmark C: steady video, quiet and under contention.

    python -m benchmarks.bench_c --frames 600 --out DIR

4K frames at 5 a second: things that stand still, pass slowly, pass fast (benchmarks/video.py). Each
frame is given to every watcher in turn (ABBA), with the time of its capture. In the first half
nobody waits for the clock; in the second, with one busy process a core, every watcher sleeps for
what is left of the frame's 200 ms, so that it comes to the processor as it would if it were alone.
A watcher that is still busy when the next frame comes misses it: the newest counts. Writes
bench-c.json and bench-c.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

from msgspec.structs import replace

from benchmarks.command import with_tagger
from benchmarks.contention import busy
from benchmarks.drawing import bar_panels
from benchmarks.judging import Row, Truth, judged
from benchmarks.looking import Look, longest, look_at, square
from benchmarks.machine import RESULTS, about, rounded, write_json
from benchmarks.measures import order
from benchmarks.reports import bench_c as report_c
from benchmarks.subjects import subjects
from benchmarks.video import FPS, SPEEDS, WIDE, Video, video
from benchmarks.watchers import TABLE, Watcher, load
from benchmarks.watchers.tiling_at_equal_cpu import TilingAtEqualCpu
from calib_data.cutouts import Thing
from edge.pictures import pixels
from edge.records import Box, Planes, Tag
from edge.tagger import Tagger

PERIOD_S = 1 / FPS
WARM_UP = 5  # frames
NEEDED = ("tiling", "open_loop", "ours20", "ours50", "ours100")  # what the headline is made of
FILLS = (0.5, 1.0)  # of a crop's side: a thing that is named at either can be named


class Turns:
    """One watcher's way through a video."""

    def __init__(self, watcher: Watcher, heads: Collection[str]) -> None:
        self.watcher, self._heads = watcher, heads
        self._free_s = 0.0  # when it has done with the frame before, on the video's clock
        self._tags: tuple[Tag, ...] = ()
        self.rows: list[Row] = []

    @property
    def cpu_ms(self) -> float:
        """Used so far."""
        return sum(row.cpu_ms for row in self.rows)

    def frame(self, number: int, picture: Planes, truths: Sequence[Truth]) -> float:
        """Watch a frame, or miss it. Gives the seconds it took."""
        at_s = number * PERIOD_S
        if self._free_s >= at_s + PERIOD_S:
            self.rows.append(judged(number, truths, self._tags, (), self._heads, WIDE))
            return 0.0
        wall, cpu = perf_counter(), process_time()
        watched = self.watcher.frame(picture, at_s)
        took_s, cpu_s = perf_counter() - wall, process_time() - cpu
        waited_s = max(0.0, self._free_s - at_s)
        self._free_s, self._tags = at_s + waited_s + took_s, watched.tags
        row = judged(number, truths, watched.tags, watched.looks, self._heads, WIDE)
        times = {"took_ms": took_s * 1e3, "waited_ms": waited_s * 1e3, "cpu_ms": cpu_s * 1e3}
        self.rows.append(replace(row, **times))
        return took_s


def warm_up(watcher: Watcher, clip: Video) -> None:
    """What is done once a process is no frame's cost; the next watcher knows nothing of it."""
    for number in range(WARM_UP):
        watcher.frame(clip.frame(number), number * PERIOD_S)


def measure(clip: Video, turns: Mapping[str, Turns]) -> None:
    """Every watcher on every frame."""
    names = list(turns)
    with ExitStack() as stack:
        for number in range(clip.count):
            is_contended = number >= clip.count // 2
            if number == clip.count // 2:
                stack.enter_context(busy())
            picture, truths = clip.frame(number), truths_of(clip, number)
            for name in order(names, number, 1):
                _keep_equal(turns, name)
                took_s = turns[name].frame(number, picture, truths)
                if is_contended:
                    sleep(max(0.0, PERIOD_S - took_s))


def _keep_equal(turns: Mapping[str, Turns], name: str) -> None:
    """Tell tiling at equal CPU time how much that is by now."""
    watcher = turns[name].watcher
    if isinstance(watcher, TilingAtEqualCpu):
        watcher.allowed_ms = turns["ours50"].cpu_ms


def truths_of(clip: Video, number: int) -> list[Truth]:
    """The things of which all is to be seen."""
    return [Truth(m.id, m.head, m.tag, m.box(number)) for m in clip.movers if m.is_whole(number)]


class Naming:
    """Can the tagger name a thing where it is cut out best?"""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger

    def __call__(self, picture: Planes, box: Box, thing: Thing) -> bool:
        return any(
            (tag.head, tag.tag) == (thing.head, thing.tag)
            for look in self._looks(picture, box)
            for tag in look.tags
        )

    def _looks(self, picture: Planes, box: Box) -> tuple[Look, ...]:
        sides, size = [longest(box) / fill for fill in FILLS], pixels.size(picture)
        return look_at(self._tagger, picture, [square(box, side, *size) for side in sides])


def watched(clip: Video, watchers: Sequence[str], tagger: Tagger) -> dict[str, list[Row]]:
    """Watcher -> its rows of the whole clip. The heads that count are those that name things."""
    heads = {head.name for head in tagger.heads if head.kind == "softmax"}
    for name in watchers:
        warm_up(load(name, tagger), clip)
    turns = {name: Turns(load(name, tagger), heads) for name in watchers}
    measure(clip, turns)
    return {name: turn.rows for name, turn in turns.items()}


def run(args: argparse.Namespace, tagger: Tagger) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    begun = about("C: steady video", tagger.bundle.id)
    with_what = subjects(tagger, args.objects, args.canvases)
    waits_s = len(args.scripts) * (args.frames - args.frames // 2) * len(args.watchers) * PERIOD_S
    sys.stderr.write(f"the contended halves take {waits_s / 60:.0f} min, the quiet ones less\n")
    runs: dict[str, dict[str, list[Row]]] = {}
    clips: dict[str, dict[str, int]] = {}
    for script in args.scripts:
        begin = perf_counter()
        things, canvases = with_what.things, with_what.canvases
        clip = video(script, things, canvases, args.frames, args.seed, Naming(tagger))
        runs[script] = watched(clip, args.watchers, tagger)
        clips[script] = {"things": len(clip.movers), "unnamed": clip.unnamed}
        sys.stderr.write(f"{script} took {(perf_counter() - begin) / 60:.1f} min\n")
    found: dict[str, Any] = begun | {
        "engine": tagger.engine, "threads": 1, "has_glance": tagger.has_glance, "seed": args.seed,
        "frames": args.frames, "fps": FPS, "clips": clips,
    }  # fmt: skip
    found |= report_c.headlines(runs, args.frames)
    found["watchers"] = report_c.summaries(runs, args.frames)
    found["targets"] = report_c.judged(rounded(found))
    write_json(args.out / "bench-c.json", found)
    _plot(args.out / "bench-c.png", found["watchers"])
    sys.stdout.write(report_c.table(found) + "\n")
    return found


def _plot(file: Path, watchers: Mapping[str, Any]) -> None:
    plots = {}
    for script, by_name in watchers.items():
        for key, words in (("cpu_ms", "CPU ms a frame"), ("told_share", "share of tags told")):
            plots[f"{script}: {words}"] = {n: both["quiet"][key] for n, both in by_name.items()}
    bar_panels(file, plots, "quiet half")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_c", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--frames", type=int, default=600, help="of each script (default 600)")
    made.add_argument(
        "--objects", type=Path, metavar="DIR", help="labelled pictures, as for benchmark A"
    )
    made.add_argument("--canvases", type=Path, metavar="DIR", help="photos, as for benchmark A")
    made.add_argument("--seed", type=int, default=1, help="of the videos (default 1)")
    made.add_argument("--engine", default="onnxruntime", help="default onnxruntime")
    made.add_argument("--bundle", help="default: the one that comes with edge-tag")
    words = {"type": lambda text: text.split(","), "metavar": "A,B"}
    made.add_argument("--scripts", default=list(SPEEDS), help="default: all", **words)
    made.add_argument("--watchers", default=list(TABLE), help="default: all", **words)
    made.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    return made


def check(args: argparse.Namespace, say: argparse.ArgumentParser) -> None:
    """Refuse what cannot be run, with the flag's name."""
    if set(args.scripts) - set(SPEEDS):
        say.error(f"--scripts: expected some of {', '.join(SPEEDS)}")
    if set(args.watchers) - set(TABLE) or set(NEEDED) - set(args.watchers):
        say.error(f"--watchers: expected {', '.join(NEEDED)} and some of {', '.join(TABLE)}")
    if args.frames < 2 or args.seed < 0:
        say.error("--frames must be 2 or more, --seed 0 or more")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = parser()
    args = say.parse_args(argv)
    check(args, say)
    return with_tagger(args.bundle, args.engine, partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
