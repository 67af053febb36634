"""Stage `quantize-outline`: an outline -> the folder a device opens, int8 for each engine.

A stage of its own, as `quantize-glance` is: what is judged are masks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.fish.bench import MEASURE, OutlineBench
from quantize.fish.course import Crops, check_judging, crops_of_seed
from quantize.fish.network import load
from quantize.fish.packed import write_outline
from quantize.int8 import record as records
from quantize.int8.gate import Limits
from quantize.int8.record import Record
from quantize.int8.tables import refuse, summary
from quantize.stages import by_measure
from quantize.stages.outline import FILE, JUDGED, TAUGHT
from quantize.training.settings import check_least

MOST = 24  # units that may stay in float where no method passes
FIX = "edge-quantize outline with more --crops or --epochs, or leave the engine out with --engines"
EXAMPLE = """\
Exports the outline for every engine (refused where a file computes something else than the
network), then tries the engine's methods of int8 and keeps the best. int8 may lose --gate-ap of
COCO's mask mAP against float on the same engine and must not be slower.

  edge-quantize quantize-outline --outline build/outline --out build/outline-int8
  edge-tag --outline build/outline-int8 --mm-per-px 0.5 belt.jpg
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize quantize-outline`."""
    parser.add_argument("--outline", type=Path, required=True, help="what `outline` wrote")
    by_measure.add_flags(parser)
    parser.add_argument("--ranges", type=int, default=48, help="crops to measure with")
    parser.add_argument("--judged", type=int, default=160, help="crops that judge")
    parser.add_argument("--gate-ap", type=float, default=0.01, help="mask mAP that may be lost")


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    check_least(args, {"ranges": 1, "judged": 1, "gate_ap": 0, "gate_slowdown": 0})
    recipe.read(args.outline, "outline")
    engines, skipped = by_measure.engines_of(args)
    asked = {"engines": engines, "ranges": args.ranges, "judged": args.judged,
             "gate ap": args.gate_ap, "gate slowdown": args.gate_slowdown}  # fmt: skip
    inputs = {"outline": recipe.digest(args.outline / FILE)}
    if not recipe.begin(args.out, "quantize-outline", asked, inputs):
        record = _quantised(args, engines, skipped)
        recipe.finish(args.out, by_measure.result_of(record, MEASURE))
    record = records.verified(args.out)
    sys.stdout.write(summary(args.out, record))
    refuse(record.verdict, args.out, FIX)
    if not (args.out / "outline.json").exists():
        outline, _ = load(args.out / FILE)
        told = f"masks of {record.pictures['judging']} rendered crops of another seed"
        write_outline(args.out, outline.side, engines, by_measure.measured(record, MEASURE), told)


def _quantised(args: argparse.Namespace, engines: list[str], skipped: dict[str, str]) -> Record:
    outline, _ = load(args.outline / FILE)
    judging = _some(args.outline / JUDGED, args.judged)
    check_judging(judging)
    limits = Limits(slowdown=args.gate_slowdown)

    def judge(engine: str, files: Sequence[bytes]) -> OutlineBench:
        return OutlineBench(engine, files, judging, (args.gate_ap, limits))

    seen, file = _some(args.outline / TAUGHT, args.ranges).seen, args.outline / FILE
    case = by_measure.Case(
        "outline", file, outline, seen, judging.seen, judge, {"mask": "multilabel"}, MOST
    )
    return by_measure.quantised(case, engines, skipped, limits, args.out)


def _some(file: Path, count: int) -> Crops:
    """Of what `outline` left. Raises WorkshopError when it is gone."""
    if not file.exists():
        raise WorkshopError(file, "no such file", "crops that `outline` left", "run it again")
    every = crops_of_seed(file, 0, 0, 0)
    few = slice(count)
    return Crops(every.seen[few], every.planes[few], every.is_hidden[few], every.is_far[few])
