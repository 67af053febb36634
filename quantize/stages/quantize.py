"""Stage `quantize`: float artifacts -> int8, several methods tried for each engine, the best kept.

Weights go on the int8 grid with corrected biases first (int8/rounding.py). Then every engine's own
quantiser makes a file a method; where none passes the gate, the layers that hurt most stay in
float, and where that is not enough and --qat says so, the student learns to live with rounding.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import torch
from tqdm import tqdm

from edge.manifest import InputSpec
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, Deployed, artifact, check, folded, usable
from quantize.export.quiet import LOG
from quantize.int8 import record as records
from quantize.int8.backends import PACKAGES, Backend, prepare
from quantize.int8.calibration import Calibration, from_folder, from_set, kinds_of, truths_of
from quantize.int8.gate import Limits, Truth, aligned, refuse, table
from quantize.int8.qat import Tuning, tuned
from quantize.int8.record import Record
from quantize.int8.rounding import rounded
from quantize.int8.score import Kind
from quantize.int8.search import Bench, Candidate, Tried, best, search
from quantize.int8.sensitivity import sensitivity
from quantize.pictures import read_folder, read_lists
from quantize.stages.export import copy_beside, loaded, side_of
from quantize.students import Student
from quantize.students.starting import FILE

BETWEEN = "between"  # folder of float files on the way; gone when the stage is done


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
        "--gate-slowdown", type=float, default=1.0, help="int8 ms / float ms, at most"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pictures")


def run(args: argparse.Namespace) -> None:
    """Quantise; raises WorkshopError with the rows that fail when the best is not good enough."""
    _check(args)
    recipe.read(args.float, "export")
    student, settings = loaded(args.float / FILE)
    side = side_of(settings, _exported_side(args.float), args.float / FILE)
    engines, skipped = _engines(args)
    limits = Limits(points=args.gate_points, f1=args.gate_f1, slowdown=args.gate_slowdown)
    asked = {"engines": engines, "side": side, "pictures": args.pictures, "qat": args.qat,
             "seed": args.seed, "float layers": args.float_layers,
             "limits": msgspec.to_builtins(limits)}  # fmt: skip
    if not recipe.begin(args.out, "quantize", asked, _inputs(args)):
        calibration = _calibration(args, side)
        made = _quantised(args, student, engines, skipped, limits, calibration)
        recipe.finish(args.out, _result(made))
    made = records.verified(args.out)
    _say(args.out, made)
    refuse(made.verdict, args.out)


def _check(args: argparse.Namespace) -> None:
    if (args.images is None) == (args.calibration_set is None):
        raise WorkshopError(
            "--images, --calibration-set", "both or none given", "one of them", "--images FOLDER"
        )
    for flag, least in (("pictures", 12), ("qat", 0), ("gate_points", 0), ("gate_f1", 0)):
        if getattr(args, flag) < least:
            name = "--" + flag.replace("_", "-")
            raise WorkshopError(name, str(getattr(args, flag)), f"{least} or more", f"{name} OTHER")


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


class _Work(msgspec.Struct, frozen=True, eq=False):
    """What stays the same for every engine."""

    student: Student  # folded
    kinds: dict[str, Kind]
    truths: dict[str, Truth]
    calibration: Calibration
    limits: Limits
    ranked: list[str]  # units to keep in float, the one that hurts most first
    float_folder: Path
    out: Path


def _quantised(
    args: argparse.Namespace,
    student: Student,
    engines: list[str],
    skipped: dict[str, str],
    limits: Limits,
    calibration: Calibration,
) -> Record:
    """Engine by engine; those that an earlier run finished are not made again."""
    lists = read_lists(args.float)
    sizes = {head: linear.out_features for head, linear in student.heads.items()}
    kinds = kinds_of(lists, sizes)
    for engine in engines:
        check(Deployed(student.eval()), engine, artifact(args.float, engine), calibration.judging,
              args.float / FILES[engine][0])  # fmt: skip
    flat = folded(student, calibration.ranges.shape[1])
    truths = truths_of(lists, kinds, calibration.judged, limits)
    hurts = sensitivity(flat, torch.from_numpy(calibration.ranges), kinds)
    units = [hurt.unit for hurt in hurts][: args.float_layers]
    work = _Work(flat, kinds, truths, calibration, limits, units, args.float, args.out)
    made = _earlier(args.out, Record(limits, _counts(work), skipped=skipped,
                                     sensitivity=tuple(hurts)))  # fmt: skip
    made = _searched(work, flat, [e for e in engines if e not in made.kept], made, is_tuned=False)
    failing = [e for e in engines if not made.kept[e].tried.answers_pass]
    if failing and args.qat:
        learned = tuned(flat, calibration.ranges, kinds, Tuning(steps=args.qat, seed=args.seed),
                        args.out / "qat")  # fmt: skip
        made = _searched(work, learned, failing, made, is_tuned=True)
    copy_beside(args.float / FILE, args.out)
    _tidy(args.out)
    return made


def _counts(work: _Work) -> dict[str, int]:
    labelled = {f"labelled {h}": len(work.calibration.judging) for h, t in work.truths.items()
                if t.labels is not None}  # fmt: skip
    return {"ranges": len(work.calibration.ranges), "judging": len(work.calibration.judging),
            "left out": len(work.calibration.left_out), **labelled}  # fmt: skip


def _earlier(out: Path, fresh: Record) -> Record:
    """What a stopped run finished, if its files are as it left them."""
    return records.verified(out) if (out / records.FILE).exists() else fresh


def _searched(
    work: _Work, student: Student, engines: Iterable[str], made: Record, *, is_tuned: bool
) -> Record:
    """`made` with the best int8 of these engines, from `student` (folded)."""
    engines = list(engines)
    if not engines:
        return made
    model = Deployed(rounded(student, torch.from_numpy(work.calibration.ranges)))
    prepared: dict[str, Backend] = {}
    bar = tqdm(engines, "quantize", disable=None)
    for engine in bar:
        bar.set_description(f"quantize {engine}" + (" after fine-tuning" if is_tuned else ""))
        between = work.out / BETWEEN
        prepared[engine] = prepare(
            engine, model, student, work.calibration.ranges, between, prepared
        )
        chosen, tried = _bench(work, engine, prepared[engine], is_tuned)
        made = _with(made, engine, chosen, tried, work.out)
    return made


def _bench(
    work: _Work, engine: str, backend: Backend, is_tuned: bool
) -> tuple[Candidate, list[Tried]]:
    files, seen = artifact(work.float_folder, engine), work.calibration.judging
    bench = Bench(engine, files, Deployed(work.student).names, seen, work.truths, work.limits)
    try:
        return search(bench, backend, work.ranked, is_tuned)
    finally:
        bench.close()


def _with(made: Record, engine: str, chosen: Candidate, tried: list[Tried], out: Path) -> Record:
    """Keep what is better, that or what was kept before; the record is written at once."""
    everything = (*made.tried, *tried)
    before = made.kept.get(engine)
    if before is not None and best([Candidate(before.tried, []), chosen]).tried == before.tried:
        made = msgspec.structs.replace(made, tried=everything)
    elif chosen.tried.error:
        raise WorkshopError(
            engine,
            f"no method gives an int8 that runs ({chosen.tried.error})",
            "one at least",
            f"--engines without {engine}, or another student",
        )
    else:
        kept = {**made.kept, engine: records.store(chosen.tried, chosen.files, out)}
        made = msgspec.structs.replace(made, tried=everything, kept=kept)
    records.write(made, out)
    return made


def _tidy(out: Path) -> None:
    log = out / BETWEEN / LOG
    if log.exists():
        log.replace(out / LOG)
    shutil.rmtree(out / BETWEEN, ignore_errors=True)


def _result(made: Record) -> dict[str, Any]:
    return {
        "method": {engine: kept.tried.method for engine, kept in made.kept.items()},
        "layers in float": {e: len(k.tried.kept_in_float) for e, k in made.kept.items()},
        "tuned": {engine: kept.tried.tuned for engine, kept in made.kept.items()},
        "passed": made.verdict.passed,
        "skipped": made.skipped,
    }


def _say(out: Path, made: Record) -> None:
    lines = [("", "engine", "method", "layers in float", "dB", "points", "ms", "MB", "seconds")]
    kept = [k.tried for k in made.kept.values()]
    lines += [_line(tried, tried in kept) for tried in made.tried]
    said = [aligned(lines), "", table(made.verdict.rows), ""]
    said += [f"{engine} skipped: {reason}" for engine, reason in made.skipped.items()]
    sys.stdout.write("\n".join([*said, str(out)]) + "\n")


def _line(tried: Tried, is_kept: bool) -> tuple[str, ...]:
    """dB: signal to noise of the worst head. points: what the float expects it to lose."""
    method = tried.method + (" after fine-tuning" if tried.tuned else "")
    if tried.error or tried.cost is None:
        return (
            "",
            tried.engine,
            method,
            str(len(tried.kept_in_float)),
            tried.error,
            "",
            "",
            "",
            "",
        )
    return (
        "kept" if is_kept else "", tried.engine, method, str(len(tried.kept_in_float)),
        f"{tried.worst_db:.1f}", f"{max(d.loss for d in tried.heads.values()):.2f}",
        f"{tried.cost.ms:.2f}", f"{tried.cost.size_bytes / 1e6:.2f}", f"{tried.seconds:.1f}",
    )  # fmt: skip
