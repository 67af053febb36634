"""Stage `distill`: pictures that nobody labelled, and what a teacher said of them, -> a student.

On several GPUs or hosts: torchrun --nproc-per-node 4 -m quantize -- distill ... trains to the
same student (`training.distributed`).
"""

from __future__ import annotations

import argparse
import random
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from quantize import recipe
from quantize.distill.course import Course, course_of, read_course
from quantize.distill.judging import HeldOut, hold_out, judge
from quantize.distill.lessons import lessons, steps_an_epoch
from quantize.distill.settings import Settings, check
from quantize.distill.teaching import Learner, Plan, begin_at_mean, plan_of, taught
from quantize.pictures import TagList, write_lists
from quantize.students import Student, load, normalise, save
from quantize.students.cost import gmac, parameters
from quantize.students.starting import FILE, start, there
from quantize.training.distributed import Group, process_group
from quantize.training.loop import CHECKPOINT, Schedule, fit
from quantize.training.settings import add_flags, check_batch, from_flags

SUMMARY = "agreement.json"
NORM_PICTURES = 256  # enough for the statistics of a batch norm


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize distill`."""
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="pictures")
    text = "what `label` wrote of them"
    parser.add_argument("--labels", type=Path, required=True, metavar="DIR", help=text)
    text = "folder to write, or to go on in"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)
    text = "tags to keep, one a line; none: all of the teacher's"
    parser.add_argument("--keep-tags", type=Path, metavar="FILE", help=text)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_flags(parser, Settings)


def run(args: argparse.Namespace) -> None:
    """Train; goes on where it was stopped."""
    settings = from_flags(args, Settings)
    check(settings)
    with process_group(args.device) as group:
        result = _distill(args, settings, group)
    if group.is_first:
        recipe.clear(args.out / CHECKPOINT)
        _say(args.out, result)


def _begin(args: argparse.Namespace, settings: Settings) -> dict[str, Any] | None:
    """Claim the folder, after all that can be refused; the result of a run that is done."""
    inputs = {"images": recipe.digest(args.images), "labels": recipe.digest(args.labels)}
    for name, file in (("keep_tags", args.keep_tags), ("start", there(settings.start))):
        inputs |= {name: recipe.digest(file)} if file and file.exists() else {}
    done = recipe.begin(args.out, "distill", msgspec.to_builtins(settings), inputs)
    return done.result if done else None


def _distill(args: argparse.Namespace, settings: Settings, group: Group) -> dict[str, Any]:
    plan, course, held = _prepared(args, settings)
    group.part(range(settings.batch))  # refuses a batch that cannot be shared out
    learner = _learner(course, plan, settings).to(group.device)
    if done := group.once(lambda: _begin(args, settings)):
        return done
    average = fit(
        learner,
        partial(lessons, course, settings.batch, settings.side, settings.seed, group),
        partial(taught, plan=plan),
        _schedule(len(course.pictures), settings),
        args.out,
        partial(_judge, held=held),
        group=group,
    )
    return group.once(lambda: _write(args.out, average.student, held, settings))


def _prepared(args: argparse.Namespace, settings: Settings) -> tuple[Plan, Course, HeldOut]:
    """How it is taught, what it learns, what judges it; the labels themselves can be forgotten."""
    train, held_out, labels = read_course(args.images, args.labels, args.keep_tags)
    check_batch(args.images, len(train), settings.batch)
    plan = plan_of(settings.losses, labels, settings.temperature)
    few = random.Random(0).sample(held_out, min(settings.judged, len(held_out)))
    course = course_of(train, labels, plan.needs_feature)
    return plan, course, hold_out(few, labels, plan, settings.side)


def _learner(course: Course, plan: Plan, settings: Settings) -> Learner:
    tags = course.logits.shape[1]
    student = start(
        settings.start, settings.student, {"tags": tags}, _seen(course, settings), settings.seed
    )
    gmac(student, settings.side)  # refuses a size that the network does not take
    student.dropout.p = settings.dropout
    if settings.start == "random":
        begin_at_mean(student, plan, course.logits)
    return Learner(student, 0 if course.feature is None else course.feature.shape[1])


def _seen(course: Course, settings: Settings) -> Tensor:
    """Views of some pictures, (N, 3, side, side) normalised."""
    count = min(NORM_PICTURES, len(course.pictures))
    alone = lessons(course, count, settings.side, settings.seed, Group(), 0)
    return normalise(next(iter(alone)).pixels)


def _schedule(pictures: int, settings: Settings) -> Schedule:
    steps = steps_an_epoch(pictures, settings.batch)
    return Schedule(
        settings.epochs,
        steps,
        settings.lr,
        settings.weight_decay,
        min(settings.warm_up, max(1, settings.epochs * steps // 10)),
        settings.ema,
        settings.seed,
    )


def _judge(learner: Learner, held: HeldOut) -> dict[str, float]:
    """For log.jsonl; nothing where nothing is held out."""
    found = judge(learner.student, held)
    return {"mean_ap": found.mean_ap} if found.pictures else {}


def _write(out: Path, student: Student, held: HeldOut, settings: Settings) -> dict[str, Any]:
    """The student without its projection, its tags, how well it agrees and what it costs."""
    table = {**msgspec.to_builtins(settings), "final_side": settings.side}
    save(student, table, out / FILE)
    device = next(student.parameters()).device
    student = load(out / FILE)[0].to(device)  # in half precision, as whoever ships it has it
    write_lists({"tags": TagList(held.tags, (None,) * len(held.tags))}, out)
    found = judge(student, held)
    (out / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    result = {
        "pictures_held_out": found.pictures,
        "tags": len(held.tags),
        "tags_judged": found.judged,
        "mean_ap": found.mean_ap,
        "mean_ap_of_chance": found.chance,
        "gmac": round(gmac(student, settings.side), 4),
        "parameters": parameters(student),
        "bytes": (out / FILE).stat().st_size,
    }
    recipe.finish(out, result)
    return result


def _say(out: Path, result: dict[str, Any]) -> None:
    agreed = "none held out"
    if result["pictures_held_out"]:
        agreed = (
            f"mean AP {result['mean_ap']:.1%} against the teacher, "
            f"{result['mean_ap_of_chance']:.1%} by chance; each tag's in {SUMMARY}"
        )
    sys.stdout.write(
        f"{out / FILE}: {agreed}; {result['gmac']} GMAC, {result['parameters'] / 1e6:.2f} M "
        f"parameters, {result['bytes'] / 1e6:.1f} MB\n"
    )
