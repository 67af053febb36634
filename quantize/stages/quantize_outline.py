"""Stage `quantize-outline`: an outline -> the folder a device opens, int8 for each engine.

A stage of its own, as `quantize-glance` is: what is judged are masks.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, folded, usable
from quantize.export.files import EXPORTERS
from quantize.fish.bench import MEASURE, OutlineBench
from quantize.fish.course import Crops, check_judging, made
from quantize.fish.network import Outline, load
from quantize.fish.packed import write_outline
from quantize.int8 import record as records
from quantize.int8.backends import PACKAGES
from quantize.int8.gate import Limits, refuse
from quantize.int8.making import Work, earlier, make, tidy
from quantize.int8.record import Record
from quantize.int8.sensitivity import sensitivity
from quantize.stages.export import TRIED_ON, written
from quantize.stages.outline import FILE, JUDGED, TAUGHT
from quantize.stages.quantize import say
from quantize.training.settings import check_least

FLOAT = "float"  # folder of the float artifacts
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
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--engines", default=",".join(FILES), help="comma between them")
    parser.add_argument("--ranges", type=int, default=48, help="crops to measure with")
    parser.add_argument("--judged", type=int, default=160, help="crops that judge")
    parser.add_argument("--gate-ap", type=float, default=0.01, help="mask mAP that may be lost")
    parser.add_argument(
        "--gate-slowdown", type=float, default=1.0, help="int8 ms / float ms, at most"
    )


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    check_least(args, {"ranges": 1, "judged": 1, "gate_ap": 0, "gate_slowdown": 0})
    recipe.read(args.outline, "outline")
    needs = {e: tuple(dict.fromkeys((*EXPORTERS[e], *PACKAGES[e]))) for e in FILES}
    engines, skipped = usable(args.engines.split(","), needs)
    asked = {"engines": engines, "ranges": args.ranges, "judged": args.judged,
             "gate ap": args.gate_ap, "gate slowdown": args.gate_slowdown}  # fmt: skip
    inputs = {"outline": recipe.digest(args.outline / FILE)}
    if not recipe.begin(args.out, "quantize-outline", asked, inputs):
        recipe.finish(args.out, _result(_quantised(args, engines, skipped)))
    record = records.verified(args.out)
    say(args.out, record)
    refuse(record.verdict, args.out, FIX)
    if not (args.out / "outline.json").exists():
        outline, _ = load(args.out / FILE)
        told = f"masks of {record.pictures['judging']} rendered crops of another seed"
        write_outline(args.out, outline.side, engines, _ap(record), told)


def _quantised(args: argparse.Namespace, engines: list[str], skipped: dict[str, str]) -> Record:
    """Engine by engine; those that an earlier run finished are not made again."""
    outline, _ = load(args.outline / FILE)
    judging = _some(args.outline / JUDGED, args.judged)
    check_judging(judging)
    seen = _some(args.outline / TAUGHT, args.ranges).seen
    floats = args.out / FLOAT
    _export(outline, engines, judging, floats)
    limits = Limits(slowdown=args.gate_slowdown)

    def judge(engine: str, files: Sequence[bytes]) -> OutlineBench:
        return OutlineBench(engine, files, judging, (args.gate_ap, limits))

    work = Work(folded(outline.eval(), outline.side), seen, judge, (), floats, args.out)
    record = earlier(args.out) or Record(
        limits, {"ranges": len(seen), "judging": len(judging.seen)}, skipped=skipped
    )
    record = make(work, [e for e in engines if e not in record.kept], record)
    if failing := [e for e in engines if not record.kept[e].tried.answers_pass]:
        hurts = sensitivity(work.student, torch.from_numpy(seen), {"mask": "multilabel"})
        ranked = [hurt.unit for hurt in hurts if hurt.unit not in work.student.precise][:MOST]
        record = replace(record, sensitivity=tuple(hurts))
        record = make(replace(work, ranked=ranked), failing, record)
    shutil.copyfile(args.outline / FILE, args.out / FILE)
    tidy(args.out)
    return record


def _some(file: Path, count: int) -> Crops:
    """Of what `outline` left. Raises WorkshopError when it is gone."""
    if not file.exists():
        raise WorkshopError(file, "no such file", "crops that `outline` left", "run it again")
    every = made(file, 0, 0, 0)
    few = slice(count)
    return Crops(every.seen[few], every.planes[few], every.is_hidden[few], every.is_far[few])


def _export(outline: Outline, engines: list[str], judging: Crops, out: Path) -> None:
    asked, inputs = {"engines": engines, "side": outline.side}, {"outline": "../" + FILE}
    if not recipe.begin(out, "export", asked, inputs):
        few = np.resize(judging.seen, (TRIED_ON, *judging.seen.shape[1:]))
        recipe.finish(out, written(outline.eval(), engines, outline.side, few, out))


def _ap(record: Record) -> dict[str, float]:
    rows = [row for row in record.verdict.rows if row.measure == MEASURE]
    floats = {f"{row.engine}/float": row.before for row in rows}
    return floats | {f"{row.engine}/int8": row.after for row in rows}


def _result(record: Record) -> dict[str, Any]:
    return {
        "method": {engine: kept.tried.method for engine, kept in record.kept.items()},
        "layers in float": {e: len(k.tried.kept_in_float) for e, k in record.kept.items()},
        MEASURE: _ap(record),
        "passed": record.verdict.passed,
        "skipped": record.skipped,
    }
