"""Stage `quantize-glance`: a glance -> float and int8 of it for each engine, the best int8 kept.

A stage of its own and no flag of `export` and `quantize`: these judge tags by pictures and labels,
this one spots by frames, and a folder in, a folder out is all there is to remember.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from edge.records import U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, folded, usable
from quantize.export.files import EXPORTERS
from quantize.glance.bench import MEASURE, GlanceBench
from quantize.glance.course import spec_of
from quantize.glance.network import Glance, load
from quantize.glance.scenes import Example
from quantize.glance.shards import read
from quantize.int8 import record as records
from quantize.int8.backends import PACKAGES
from quantize.int8.gate import Limits, refuse
from quantize.int8.making import Work, earlier, make, tidy
from quantize.int8.record import Record
from quantize.int8.sensitivity import sensitivity
from quantize.stages.export import TRIED_ON, written
from quantize.stages.glance import FILE, FRAMES
from quantize.stages.quantize import say
from quantize.training.settings import check_least

FLOAT = "float"  # folder of the float artifacts
MOST = 32  # units that may stay in float where no method passes
KINDS = {"heat": "multilabel"}  # what the ranking of the layers looks at
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
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--engines", default=",".join(FILES), help="comma between them")
    parser.add_argument("--ranges", type=int, default=64, help="training frames to measure with")
    parser.add_argument(
        "--judged", type=int, default=300, help="frames that judge, of those `glance` left"
    )
    parser.add_argument(
        "--gate-precision", type=float, default=0.01, help="average precision that may be lost"
    )
    parser.add_argument(
        "--gate-slowdown", type=float, default=1.0, help="int8 ms / float ms, at most"
    )


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    check_least(args, {"ranges": 1, "judged": 1, "gate_precision": 0, "gate_slowdown": 0})
    recipe.read(args.glance, "glance")
    engines, skipped = usable(args.engines.split(","), _packages())
    asked = {
        "engines": engines,
        "ranges": args.ranges,
        "judged": args.judged,
        "gate precision": args.gate_precision,
        "gate slowdown": args.gate_slowdown,
    }
    inputs = {"glance": recipe.digest(args.glance / FILE)}
    if not recipe.begin(args.out, "quantize-glance", asked, inputs):
        recipe.finish(args.out, _result(_quantised(args, engines, skipped)))
    made = records.verified(args.out)
    say(args.out, made)
    refuse(made.verdict, args.out, FIX)


def _packages() -> dict[str, tuple[str, ...]]:
    return {e: tuple(dict.fromkeys((*EXPORTERS[e], *PACKAGES[e]))) for e in FILES}


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
    """Engine by engine; those that an earlier run finished are not made again."""
    glance, _ = load(args.glance / FILE)
    judged = frames(args.glance, "val", args.judged)
    learned = frames(args.glance, "train", args.ranges)
    floats, spec = args.out / FLOAT, spec_of(glance)
    _export(glance, engines, _pixels(judged), floats)
    limits = Limits(slowdown=args.gate_slowdown)

    def judge(engine: str, files: Sequence[bytes]) -> GlanceBench:
        return GlanceBench(engine, files, judged, spec, (args.gate_precision, limits))

    seen = _pixels(learned)
    work = Work(folded(glance.eval(), glance.side), seen, judge, (), floats, args.out)
    made = earlier(args.out) or Record(
        limits, {"ranges": len(learned), "judging": len(judged)}, skipped=skipped
    )
    made = make(work, [e for e in engines if e not in made.kept], made)
    if failing := [e for e in engines if not made.kept[e].tried.answers_pass]:
        made = _rescued(work, failing, made)
    shutil.copyfile(args.glance / FILE, args.out / FILE)
    tidy(args.out)
    return made


def _rescued(work: Work, failing: list[str], made: Record) -> Record:
    """With the layers that hurt most in float; which those are takes a minute to ask."""
    hurts = sensitivity(work.student, torch.from_numpy(work.seen), KINDS)
    ranked = [hurt.unit for hurt in hurts if hurt.unit not in work.student.precise][:MOST]
    made = msgspec.structs.replace(made, sensitivity=tuple(hurts))
    return make(msgspec.structs.replace(work, ranked=ranked), failing, made)


def _export(glance: Glance, engines: list[str], pictures: U8, out: Path) -> None:
    """As a stage in a folder of its own: what is there and proven is not made again."""
    asked, inputs = {"engines": engines, "side": glance.side}, {"glance": "../" + FILE}
    if not recipe.begin(out, "export", asked, inputs):
        few = np.resize(pictures, (TRIED_ON, *pictures.shape[1:]))
        recipe.finish(out, written(glance.eval(), engines, glance.side, few, out))


def _pixels(examples: Sequence[Example]) -> U8:
    return np.stack([example.seen for example in examples])


def _result(made: Record) -> dict[str, Any]:
    rows = [row for row in made.verdict.rows if row.measure == MEASURE]
    return {
        "method": {engine: kept.tried.method for engine, kept in made.kept.items()},
        "layers in float": {e: len(k.tried.kept_in_float) for e, k in made.kept.items()},
        MEASURE: {
            **{f"{row.engine}/float": row.before for row in rows},
            **{f"{row.engine}/int8": row.after for row in rows},
        },
        "passed": made.verdict.passed,
        "skipped": made.skipped,
    }
