"""Stage `quantize-glance`: a glance -> float and int8 of it for each engine, the best int8 kept.

A stage of its own and no flag of `export` and `quantize`: these judge tags by pictures and labels,
this one spots by frames, and a folder in, a folder out is all there is to remember.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.records import U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.glance.bench import MEASURE, GlanceBench
from quantize.glance.course import spec_of
from quantize.glance.network import load
from quantize.glance.scenes import Example
from quantize.glance.shards import read
from quantize.int8 import record as records
from quantize.int8.gate import Limits
from quantize.int8.record import Record
from quantize.int8.tables import refuse, summary
from quantize.stages import by_measure
from quantize.stages.glance import FILE, FRAMES
from quantize.training.settings import check_least

MOST = 32  # units that may stay in float where no method passes
FIX = "edge-quantize glance with more --frames or --epochs, or leave the engine out with --engines"
EXAMPLE = """\
Exports the glance for every engine (uint8 pixels in, normalisation inside; refused where a file
computes something else than the network), then tries the engine's methods of int8 and keeps the
best. What is judged is what a glance is for: the average precision of its spots, on frames of
things that nobody trained on. int8 may lose --gate-precision of it against float on the same engine
and must not be slower; else it is refused with the table. The last layer stays in float.

  edge-quantize quantize-glance --glance build/glance --out build/glance-int8
  edge-quantize pack ... --glance build/glance-int8

It writes float/, the int8 files, and quantize.json with all that was tried.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize quantize-glance`."""
    parser.add_argument("--glance", type=Path, required=True, help="what `glance` wrote")
    by_measure.add_flags(parser)
    parser.add_argument("--ranges", type=int, default=64, help="training frames to measure with")
    parser.add_argument(
        "--judged", type=int, default=300, help="frames that judge, of those `glance` left"
    )
    parser.add_argument(
        "--gate-precision", type=float, default=0.01, help="average precision that may be lost"
    )


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    check_least(args, {"ranges": 1, "judged": 1, "gate_precision": 0, "gate_slowdown": 0})
    recipe.read(args.glance, "glance")
    engines, skipped = by_measure.engines_of(args)
    asked = {
        "engines": engines,
        "ranges": args.ranges,
        "judged": args.judged,
        "gate precision": args.gate_precision,
        "gate slowdown": args.gate_slowdown,
    }
    inputs = {"glance": recipe.digest(args.glance / FILE)}
    if not recipe.begin(args.out, "quantize-glance", asked, inputs):
        made = _quantised(args, engines, skipped)
        recipe.finish(args.out, by_measure.result_of(made, MEASURE))
    made = records.verified(args.out)
    sys.stdout.write(summary(args.out, made))
    refuse(made.verdict, args.out, FIX)


def frames(folder: Path, split: str, count: int) -> list[Example]:
    """Up to `count` of the frames that `glance` left. Raises WorkshopError for none."""
    files = sorted((folder / FRAMES).glob(f"{split}-*.npz"))
    found = [example for example, _ in zip(read(files), range(count))]
    if not found:
        raise WorkshopError(
            folder / FRAMES,
            f"no frame of split {split}",
            "what `glance` left there",
            "edge-quantize glance again, in another folder",
        )
    return found


def _quantised(args: argparse.Namespace, engines: list[str], skipped: dict[str, str]) -> Record:
    glance, _ = load(args.glance / FILE)
    judged, spec = frames(args.glance, "val", args.judged), spec_of(glance)
    limits = Limits(slowdown=args.gate_slowdown)

    def judge(engine: str, files: Sequence[bytes]) -> GlanceBench:
        return GlanceBench(engine, files, judged, spec, (args.gate_precision, limits))

    seen, shown = _pixels(frames(args.glance, "train", args.ranges)), _pixels(judged)
    case = by_measure.Case(
        "glance", args.glance / FILE, glance, seen, shown, judge, {"heat": "multilabel"}, MOST
    )
    return by_measure.quantised(case, engines, skipped, limits, args.out)


def _pixels(examples: Sequence[Example]) -> U8:
    return np.stack([example.seen for example in examples])
