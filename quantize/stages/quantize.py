"""Stage `quantize`: float artifacts -> int8, several methods tried for each engine, the best kept.

Weights go on the int8 grid with corrected biases first (int8/rounding.py). Then every engine's own
quantiser makes a file a method; where none passes the gate, the layers that hurt most stay in
float, and where that is not enough and --qat says so, the student learns to live with rounding.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from edge.bundle.manifest import InputSpec
from edge.records import U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, Deployed, artifact, check, folded, usable
from quantize.int8 import record as records
from quantize.int8.backends import PACKAGES
from quantize.int8.bench import Bench
from quantize.int8.calibration import (
    FEWEST,
    Calibration,
    from_folder,
    from_set,
    kinds_of,
    learning,
    sizes_of,
    truths_of,
)
from quantize.int8.gate import Limits
from quantize.int8.making import Work, counts, earlier, make, tidy
from quantize.int8.qat import Tuning, tuned
from quantize.int8.record import Record
from quantize.int8.sensitivity import sensitivity
from quantize.int8.tables import refuse, summary
from quantize.pictures import read_folder, read_lists
from quantize.stages.export import copy_beside, side_of
from quantize.students import Student, load
from quantize.students.starting import FILE
from quantize.training.loop import CHECKPOINT
from quantize.training.settings import check_between, check_least

TUNED = "qat"  # folder of its log, and of its checkpoint until it is done


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize quantize`."""
    parser.add_argument("--float", type=Path, required=True, help="what `export` wrote")
    parser.add_argument("--images", type=Path, help="pictures; those held out are not used")
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument(
        "--calibration-set", type=Path, help="what `edge-tag capture` made, instead"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--engines", help="comma between them; None: those of --float")
    parser.add_argument(
        "--pictures", type=int, default=300, help="two thirds measure, a third judges"
    )
    parser.add_argument(
        "--qat", type=int, default=0, help="steps of fine-tuning where all else fails"
    )
    parser.add_argument("--qat-lr", type=float, default=Tuning().lr, help="its learning rate")
    parser.add_argument(
        "--float-layers",
        type=int,
        help="layers or inputs that may stay; None: any number",
    )
    parser.add_argument("--gate-points", type=float, default=0.5, help="of top-1 a head may lose")
    parser.add_argument(
        "--gate-f1", type=float, default=0.005, help="of thresholded tags, likewise"
    )
    parser.add_argument(
        "--gate-embedding", type=float, default=25.0, help="per cent that embeddings may be off"
    )
    parser.add_argument(
        "--gate-slowdown", type=float, default=1.0, help="int8 ms / float ms, at most"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pictures")


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    _check(args)
    recipe.read(args.float, "export")
    student, settings = load(args.float / FILE)
    side = side_of(settings, _exported_side(args.float), args.float / FILE)
    engines, skipped = _engines(args)
    limits = Limits(points=args.gate_points, f1=args.gate_f1, embedding=args.gate_embedding,
                    slowdown=args.gate_slowdown)  # fmt: skip
    asked = {"engines": engines, "side": side, "pictures": args.pictures, "qat": args.qat,
             "qat lr": args.qat_lr, "seed": args.seed, "float layers": args.float_layers,
             "head": args.head, "limits": msgspec.to_builtins(limits)}  # fmt: skip
    if not recipe.begin(args.out, "quantize", asked, _inputs(args)):
        calibration = _calibration(args, side)
        made = _quantised(args, student, engines, skipped, limits, calibration)
        recipe.finish(args.out, _result(made))
    recipe.clear(args.out / TUNED / CHECKPOINT)
    made = records.verified(args.out)
    sys.stdout.write(summary(args.out, made))
    refuse(made.verdict, args.out)


def _check(args: argparse.Namespace) -> None:
    if (args.images is None) == (args.calibration_set is None):
        raise WorkshopError(
            "--images, --calibration-set", "both or none given", "one of them", "--images FOLDER"
        )
    check_least(args, {"pictures": FEWEST, "qat": 0, "float_layers": 0, "gate_points": 0, "seed": 0,
                       "gate_f1": 0, "gate_slowdown": 0, "gate_embedding": 0})  # fmt: skip
    check_between(args, "qat_lr")


def _exported_side(folder: Path) -> int | None:
    side = recipe.read(folder, "export").settings.get("side")
    return side if isinstance(side, int) else None


def _engines(args: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """Named ones must have a float artifact; of all of them, those that have one."""
    if args.engines:
        return usable(args.engines.split(","), PACKAGES)
    exported = [e for e in FILES if all((args.float / name).is_file() for name in FILES[e])]
    here, skipped = usable(exported or list(FILES), PACKAGES)
    return here, skipped | {e: f"not in {args.float}" for e in FILES if e not in exported}


def _inputs(args: argparse.Namespace) -> dict[str, str]:
    inputs = {"float": args.float, "images": args.images, "calibration set": args.calibration_set}
    for name, path in inputs.items():
        if path is not None and not path.is_dir():
            raise WorkshopError(path, "no such folder", name, f"--{name.replace(' ', '-')} FOLDER")
    return {name: recipe.digest(path) for name, path in inputs.items() if path is not None}


def _calibration(args: argparse.Namespace, side: int) -> Calibration:
    spec = InputSpec(height=side, width=side)
    if args.calibration_set:
        return from_set(args.calibration_set, args.pictures, spec)
    samples = read_folder(args.images, args.head).of("train")
    return from_folder(samples, args.pictures, spec, args.seed)


def _learning(args: argparse.Namespace, calibration: Calibration) -> Sequence[U8]:
    """What --qat learns from: as many as it shows, none that judges."""
    if args.calibration_set:
        return list(calibration.ranges)
    samples = read_folder(args.images, args.head).of("train")
    return learning(samples, calibration, args.qat * Tuning().batch, args.seed)


def _quantised(
    args: argparse.Namespace,
    student: Student,
    engines: list[str],
    skipped: dict[str, str],
    limits: Limits,
    calibration: Calibration,
) -> Record:
    """Engine by engine; those that an earlier run finished are not made again."""
    for engine in engines:
        check(Deployed(student.eval()), engine, artifact(args.float, engine), calibration.judging,
              args.float / FILES[engine][0])  # fmt: skip
    lists, side = read_lists(args.float), calibration.ranges.shape[1]
    kinds = kinds_of(lists, sizes_of(student))
    flat = folded(student, side)
    hurts = sensitivity(flat, torch.from_numpy(calibration.ranges), kinds)
    truths = truths_of(lists, kinds, calibration, limits)
    units = [hurt.unit for hurt in hurts][: args.float_layers]

    def judge(engine: str, files: Sequence[bytes]) -> Bench:
        return Bench(engine, files, flat.outputs, calibration.judging, truths, limits)

    work = Work(flat, calibration.ranges, judge, units, args.float, args.out)
    made = earlier(args.out) or Record(limits, counts(calibration, truths), skipped=skipped,
                                       sensitivity=tuple(hurts))  # fmt: skip
    made = make(work, [e for e in engines if e not in made.kept], made)
    failing = [e for e in engines if not made.kept[e].tried.answers_pass]
    if failing and args.qat:
        tuning = Tuning(steps=args.qat, lr=args.qat_lr, seed=args.seed)
        seen, spec = _learning(args, calibration), InputSpec(height=side, width=side)
        better = tuned(flat, seen, spec, kinds, tuning, args.out / TUNED)
        made = make(work, failing, made, better)
    copy_beside(args.float / FILE, args.out)
    tidy(args.out)
    return made


def _result(made: Record) -> dict[str, Any]:
    return {
        "method": {engine: kept.tried.method for engine, kept in made.kept.items()},
        "layers in float": {e: len(k.tried.kept_in_float) for e, k in made.kept.items()},
        "tuned": {engine: kept.tried.tuned for engine, kept in made.kept.items()},
        "passed": made.verdict.passed,
        "skipped": made.skipped,
    }
