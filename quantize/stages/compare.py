"""Stage `compare`: the float and the int8 artifacts of one student, side by side, as a page."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import msgspec
from safetensors.numpy import save

from edge.bundle import MANIFEST
from quantize import disk, recipe
from quantize.errors import WorkshopError
from quantize.evidence import OUTPUTS, REPORT
from quantize.export import FILES
from quantize.int8.gate import Limits
from quantize.int8.record import sha256
from quantize.pictures import Sample, by_key, pictures_of, read_folder
from quantize.report.answers import ROUNDS
from quantize.report.compare import Comparison, compare
from quantize.report.gallery import thumbnails
from quantize.report.models import Side, from_bundle, from_stage, wanted_engines
from quantize.report.page import page
from quantize.report.records import Report, read_report, write_report
from quantize.report.soft import read_teacher
from quantize.report.table import table, verdict_table
from quantize.stages.export import TAGS
from quantize.training.settings import check_least

SETTINGS = (
    "head",
    "pictures",
    "rounds",
    "gate_points",
    "gate_f1",
    "gate_embedding",
    "gate_slowdown",
)
PAGE = "report.html"


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize compare`."""
    parser.add_argument("--float", type=Path, required=True, help="what `export` wrote")
    int8 = parser.add_mutually_exclusive_group(required=True)
    int8.add_argument("--int8", type=Path, help="what `quantize` wrote")
    int8.add_argument("--bundle", type=Path, help="a packed bundle in its place")
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures; held out")
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument("--labels", type=Path, help="what `label` wrote: the teacher's opinion")
    parser.add_argument(
        "--engine",
        action="append",
        help="compare on this one; may be repeated; None: on those of --int8",
    )
    parser.add_argument("--pictures", type=int, help="at most so many, evenly; None: all held out")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the interleaved timing")
    parser.add_argument("--gate-points", type=float, help="of top-1; None: as quantize")
    parser.add_argument("--gate-f1", type=float, help="of the tags given; None: as quantize")
    parser.add_argument("--gate-embedding", type=float, help="per cent off; None: as quantize")
    parser.add_argument("--gate-slowdown", type=float, help="int8 ms / float ms; None: as quantize")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--open", action="store_true", help="show the page in a browser")


def run(args: argparse.Namespace) -> None:
    """Compare, unless it is done; print the table; write report.json and report.html."""
    check_least(args, {"pictures": 1, "rounds": 1, "gate_points": 0, "gate_f1": 0,
                       "gate_embedding": 0, "gate_slowdown": 0})  # fmt: skip
    settings = {name: getattr(args, name) for name in SETTINGS}
    settings["engine"] = _engines(args)
    if not recipe.begin(args.out, "compare", settings, _inputs(args)):
        try:
            _measure(args)
        except BaseException:
            _forget(args.out)
            raise
    report = read_report(args.out / REPORT)
    _say(table(report), verdict_table(report), *report.notes, f"page: {args.out / PAGE}")
    if args.open:
        webbrowser.open((args.out / PAGE).resolve().as_uri())


def _measure(args: argparse.Namespace) -> None:
    before, after = _sides(args)
    samples = held_out(args.images, args.head, args.pictures)
    by_key(samples)  # which pack knows the pictures by
    teacher = read_teacher(args.labels, samples) if args.labels else None
    found = compare(before, after, samples, teacher, args.rounds, _limits(args, after.limits))
    write(found, args.out)
    recipe.finish(args.out, _result(found.report))


def _forget(out: Path) -> None:
    """Nothing is half compared; and what was mended is another input, for which `out` is free."""
    for name in (recipe.FILE, REPORT, PAGE, OUTPUTS):
        (out / name).unlink(missing_ok=True)


def _limits(args: argparse.Namespace, made_with: Limits) -> Limits:
    """The flags, and where there are none what `quantize` was given."""
    flags = {
        "points": args.gate_points,
        "f1": args.gate_f1,
        "embedding": args.gate_embedding,
        "slowdown": args.gate_slowdown,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    return msgspec.structs.replace(made_with, **given)


def _inputs(args: argparse.Namespace) -> dict[str, str]:
    inputs = {"float": args.float, "int8": args.int8, "images": args.images, "labels": args.labels}
    if args.bundle:
        inputs["bundle"] = args.bundle / MANIFEST if args.bundle.is_dir() else args.bundle
    for name, path in inputs.items():
        if path and not path.exists():
            raise WorkshopError(path, "nothing there", f"what --{name} names", f"--{name} OTHER")
    found = {name: recipe.digest(path) for name, path in inputs.items() if path}
    sides = {"float files": args.float, "int8 files": args.int8}
    return found | {name: _contents(folder) for name, folder in sides.items() if folder}


def _contents(folder: Path) -> str:
    """SHA-256 of what is compared: a recipe stays as it is when a file beside it changes."""
    names = sorted({TAGS, *(name for files in FILES.values() for name in files)})
    there = [name for name in names if (folder / name).is_file()]
    found = "".join(f"{name} {recipe.digest(folder / name)}\n" for name in there)
    return sha256(found.encode())


def _engines(args: argparse.Namespace) -> list[str]:
    """Those named; or else those here that int8 was made for: not every float is for every one."""
    here = wanted_engines(args.engine)
    if args.engine or not args.int8:
        return here
    made = recipe.read(args.int8, "quantize").settings.get("engines", here)
    return [engine for engine in here if engine in made] or here


def _sides(args: argparse.Namespace) -> tuple[Side, Side]:
    engines = _engines(args)
    if args.bundle:
        after = from_bundle(args.bundle, engines)
        engines = [model.engine for model in after.models]
    else:
        after = from_stage(args.int8, "int8", engines)
    return from_stage(args.float, "float", engines), after


def held_out(images: Path, head: str, at_most: int | None = None) -> Sequence[Sample]:
    """The pictures nothing was trained on. Raises WorkshopError when there are none."""
    samples = read_folder(images, head).of("val")
    if not samples:
        raise WorkshopError(
            images,
            "no held-out pictures",
            'rows with "split": "val", or a folder val/',
            "mark some; they must not have been trained on",
        )
    pictures = pictures_of(samples)
    step = -(-len(pictures) // at_most) if at_most else 1  # rounded up
    kept = {picture.place for picture in pictures[::step]}  # with all that is said of them
    return [sample for sample in samples if sample.place in kept]


def write(found: Comparison, out: Path) -> None:
    """report.json, report.html and what the int8 artifact answered."""
    keys = msgspec.json.encode([p.key for p in found.pictures]).decode()
    disk.write(out / OUTPUTS, save(found.outputs, {"keys": keys}))  # save_file: for its owner alone
    write_report(found.report, out / REPORT)
    shown = thumbnails(found.report.differences)
    disk.write(out / PAGE, page(found.report, shown).encode())


def _result(report: Report) -> dict[str, object]:
    """What other stages and people want to see first."""
    int8 = report.row(report.engine, "int8")
    return {
        "pictures": max(facts.pictures for facts in report.heads.values()),
        "top1": {h: s.top1.value for h, s in int8.heads.items() if s.top1},
        "passed": all(v.passed for v in report.verdicts),
    }


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines if line))
