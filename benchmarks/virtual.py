"""What the scheduler reaches on boards that are not here: `python -m benchmarks.virtual`.

The demo's belt, within one budget, on virtual devices: a launch takes the time that is predicted
for the board, all else the processor time that it takes here (so that others on this machine do
not count), while crops are cut beside the engine and cost nothing. Predicted, and labelled so, in
the table of the README that it writes and in benchmarks/results/virtual.json.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import thread_time
from typing import Any

import msgspec
import numpy as np

from benchmarks.command import finish
from benchmarks.machine import RESULTS, ROOT, machine, write_json
from benchmarks.readme import put
from edge import pipeline
from edge.boards import profiles
from edge.boards.clock import DeviceClock
from edge.boards.listing import predictions
from edge.boards.predict import Prediction
from edge.boards.virtual import Virtual
from edge.records import Budget, FrameFailed, FrameTags, Picture
from edge.seen import View
from edge.sources import never, open_source
from edge.tagger import open_tagger

BOARDS = ("rpi5", "hailo-8l", "orin-nano")
CLIP = ROOT / "calib_data" / "demo" / "belt.mp4"
TABLE = re.compile(r"^\| virtual device \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)


class Reached(msgspec.Struct, frozen=True):
    """A run of the clip on one device."""

    device: str  # with its label
    predicted: tuple[Prediction, ...]
    budget_ms: float
    frames: int
    looks: float  # closer ones, a frame
    things: int  # tracks that were told with a tag
    settled: int  # of them, settled
    covered: float  # of what was to be looked at, at the end
    late: float  # frames over the budget, 0..1
    around_ms: float  # a frame outside the engine, here: the median


class Kept:
    """A sink that keeps every line."""

    def __init__(self) -> None:
        self.lines: list[FrameTags] = []

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameTags):
            self.lines.append(result)

    def close(self) -> None:
        """Nothing is open."""


def reached(name: str, clip: Path, budget_ms: float) -> Reached:
    """The clip on the device `name`. Raises EdgeError."""
    profile = profiles.find(name)
    virtual = Virtual(profile, DeviceClock(thread_time, lambda s: None))  # no need to wait for it
    kept, view = Kept(), View(budget=Budget(frame_ms=budget_ms))
    with (
        open_tagger(engine="onnxruntime", threads=1, virtual=virtual) as tagger,
        closing(open_source(str(clip))) as source,
    ):
        pipeline.run([source], tagger, [kept], view, is_stopped=never)
    return _summed(virtual, kept.lines, budget_ms)


def _summed(virtual: Virtual, lines: Sequence[FrameTags], budget_ms: float) -> Reached:
    tags = [tag for line in lines for tag in line.tags if tag.track is not None]
    spent = [line.spent for line in lines]
    return Reached(
        virtual.label,
        tuple(predictions(virtual.profile, virtual.costs)),
        budget_ms,
        len(lines),
        round(float(np.mean([s.crops for s in spent])), 2),
        len({tag.track for tag in tags}),
        len({tag.track for tag in tags if tag.state == "settled"}),
        lines[-1].coverage,
        round(float(np.mean([s.total_ms > budget_ms for s in spent])), 4),
        round(float(np.median([s.total_ms - s.engine_ms for s in spent])), 2),
    )


def table(rows: Sequence[Reached]) -> str:
    head = "| virtual device | a crop, a glance | looks a frame | things told | settled | covered |"
    lines = [head, "|---|---|---|---|---|---|"]
    for row in rows:
        crop, glance, *_ = [p.batch_ms[1] for p in row.predicted]
        lines.append(
            f"| {row.device} | {crop:.3g} ms, {glance:.3g} ms | {row.looks:g} | {row.things} "
            f"| {row.settled} | {row.covered:.0%} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.virtual", description=__doc__)
    parser.add_argument("--boards", nargs="+", default=BOARDS, help="profiles")
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--budget-ms", type=float, default=33.0)
    args = parser.parse_args(argv)
    return finish(lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    about: dict[str, Any] = {"machine": machine(), "label": "virtual devices: predicted"}
    rows = [reached(name, args.clip, args.budget_ms) for name in args.boards]
    write_json(RESULTS / "virtual.json", {**about, "rows": msgspec.to_builtins(rows)})
    text = table(rows)
    sys.stdout.write(text + "\n")
    put(TABLE, text)


if __name__ == "__main__":
    sys.exit(main())
