"""Stage `lowdata`: AD-Net's recipe and plain fine-tuning, side by side, on ever fewer pictures.

Writes splits/ (published format), runs/SPLIT-METHOD-SEED/ (a student each), report.json,
report.md and report.svg. A run that is there is not run again; one that was killed goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Container
from pathlib import Path

import msgspec
from tqdm import tqdm

from quantize import disk, recipe
from quantize.errors import listed
from quantize.lowdata.batches import (
    TrainingSet,
    inputs,
    judge_on,
    norm_pictures,
    read_training_set,
    unreadable,
)
from quantize.lowdata.plot import plot
from quantize.lowdata.report import LowDataReport, Result, SplitFacts, rows_of, table
from quantize.lowdata.settings import Comparison, RunSettings, checked, run_settings
from quantize.lowdata.splits import Protocol, hold_out, make_splits, published
from quantize.lowdata.train import CHECKPOINT, new_head, train
from quantize.pictures import write_lists
from quantize.pictures.split_files import facts, nesting, write_split
from quantize.students import Student, save
from quantize.students.starting import FILE, start, there
from quantize.training.distributed import device_of
from quantize.training.settings import add_flags, from_flags

RESULT = "result.json"
STOCK_HEAD = {"tags": 1000}  # of the weights to start from; thrown away


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize lowdata`."""
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures")
    parser.add_argument("--head", help="whose tags to learn, where there are several")
    parser.add_argument(
        "--split-files", type=Path, help="folder of train_10.txt, ..., test.txt; else made here"
    )
    text = '"published", "random", a TFLite MobileNetV2 or an earlier student'
    parser.add_argument("--start", default="published", help=text)
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_flags(parser, Comparison)


def run(args: argparse.Namespace) -> None:
    """Compare; goes on where it was stopped."""
    wanted = checked(from_flags(args, Comparison))
    args.device = device_of(args.device)
    protocol = _protocol(args, wanted)
    asked = {"head": args.head, **msgspec.to_builtins(wanted)}
    if not recipe.begin(args.out, "lowdata", asked, _inputs(args)):
        protocol = _readable(protocol, args, wanted)
        _write_splits(protocol, args.out / "splits")
        plans = run_settings(wanted)
        runs = [_one(protocol, plan, wanted, args) for plan in tqdm(plans, "runs", disable=None)]
        _write_report(_report(protocol, wanted, args.start, runs), args.out)
    sys.stdout.write((args.out / "report.md").read_text("utf-8"))


def _protocol(
    args: argparse.Namespace, wanted: Comparison, without: Container[str] = ()
) -> Protocol:
    names = wanted.splits.split(",")
    if args.split_files:
        return published(args.images, args.head, names, args.split_files, without)
    return make_splits(args.images, args.head, names, without)


def _readable(protocol: Protocol, args: argparse.Namespace, wanted: Comparison) -> Protocol:
    """Without pictures that are damaged: both methods go without them, and the test of both does.
    Splits are cut anew, and have others in their place.
    """
    left_out: dict[str, str] = {}
    while found := _damaged(protocol):
        left_out |= found
        protocol = _protocol(args, wanted, left_out)
    if left_out:
        why = listed([*left_out.values()])
        sys.stderr.write(f"{args.images}: {len(left_out)} pictures left out:{why}\n")
    return protocol


def _damaged(protocol: Protocol) -> dict[str, str]:
    """Pictures by the names that their lines have -> why they cannot be read."""
    lines = protocol.lines
    files = protocol.files(lines)
    why = unreadable(files)
    return {line.file: why[file] for line, file in zip(lines, files) if file in why}


def _inputs(args: argparse.Namespace) -> dict[str, str]:
    """What the result depends on -> its digest."""
    found = {"images": recipe.digest(args.images), "start": str(args.start)}
    if first := there(args.start):
        found["start"] = recipe.digest(first)
    if args.split_files:
        found |= {file.name: recipe.digest(file) for file in args.split_files.glob("*.txt")}
    return found


def _one(
    protocol: Protocol, settings: RunSettings, wanted: Comparison, args: argparse.Namespace
) -> Result:
    """One run from the start, from its checkpoint, or only its result."""
    folder = args.out / "runs" / f"{settings.split}-{settings.method}-{settings.seed}"
    if (folder / RESULT).exists():
        recipe.clear(folder / CHECKPOINT)
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    began, how, head = time.monotonic(), settings.preprocessing, protocol.head
    learn, held = hold_out(protocol.splits[settings.split], wanted.held_out, settings.seed)
    pictures = read_training_set(protocol.files(learn), [line.label for line in learn])
    student = _student(protocol, pictures, settings, wanted.student, args)
    judge = None
    if held:
        labels = [line.label for line in held]
        judge = judge_on(inputs(protocol.files(held), how), labels, head)
    kept = train(student, head, pictures, settings, folder, judge)
    test = judge_on(
        inputs(protocol.files(protocol.test), how), [line.label for line in protocol.test], head
    )
    seconds = time.monotonic() - began
    result = Result(settings, how, len(learn), len(held), kept, test(student), seconds)
    _write_run(student, protocol, result, folder)
    return result


def _student(
    protocol: Protocol,
    pictures: TrainingSet,
    settings: RunSettings,
    name: str,
    args: argparse.Namespace,
) -> Student:
    """The backbone to start from and a new head; the same for both methods of a seed."""
    heads = {protocol.head: len(protocol.tags.tags)}
    seen = norm_pictures(pictures, settings)
    stock = start(str(args.start), name, STOCK_HEAD, seen, settings.seed)
    student = Student(heads, name)
    student.backbone.load_state_dict(stock.backbone.state_dict())
    new_head(student, protocol.head, settings.seed)
    return student.to(args.device)


def _write_run(student: Student, protocol: Protocol, result: Result, folder: Path) -> None:
    """The weights with how a picture must be shown to them; the result last: it says "done"."""
    how = result.preprocessing
    about = msgspec.to_builtins(result.settings) | {
        "final_side": how.side,
        "squashed": how.squashed,
        "kept_step": result.kept.step,
    }
    save(student, about, folder / FILE)
    write_lists({protocol.head: protocol.tags}, folder)
    disk.write(folder / RESULT, msgspec.json.format(msgspec.json.encode(result)))
    recipe.clear(folder / CHECKPOINT)


def _write_splits(protocol: Protocol, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, lines in protocol.splits.items():
        write_split(lines, folder / f"train_{name}.txt")
    write_split(protocol.test, folder / "test.txt")


def _report(
    protocol: Protocol, wanted: Comparison, where: str, runs: list[Result]
) -> LowDataReport:
    return LowDataReport(
        wanted.student,
        Path(where).name,
        protocol.head,
        wanted.method,
        len(protocol.test),
        facts(protocol.test).classes,
        tuple(SplitFacts(name, facts(lines)) for name, lines in protocol.splits.items()),
        nesting(protocol.splits),
        tuple(runs),
    )


def _write_report(report: LowDataReport, out: Path) -> None:
    disk.write(out / "report.json", msgspec.json.format(msgspec.json.encode(report)))
    disk.write(out / "report.svg", plot(report).encode())
    disk.write(out / "report.md", f"{table(report)}\n".encode())
    recipe.finish(out, {row.split: msgspec.to_builtins(row) for row in rows_of(report)})
