"""Stage `glance`: a student, pictures of things and photos -> a network that says where to look."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import torch

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.glance.course import Lessons, answers, learn, lessons, spec_of
from quantize.glance.judge import precision
from quantize.glance.lesson import calibrate
from quantize.glance.material import MARK, Material, kinds_of, material, with_marks
from quantize.glance.network import Glance, Trunk, save
from quantize.glance.scenes import SIZES, Order
from quantize.glance.settings import GlanceSettings
from quantize.glance.shards import composed, read
from quantize.glance.tuning import tune
from quantize.pictures import PictureSet, Split, read_folder
from quantize.stages.export import student_file
from quantize.students import Student, load
from quantize.training.settings import (
    add_flags,
    check_between,
    check_least,
    check_multiples,
    from_flags,
)

FILE = "glance.safetensors"
FRAMES = "frames"  # folder of what `quantize-glance` measures and judges with
COURSE, TUNING = "course", "tuning"  # folders of their checkpoints, until it is done
MARKS = "marks"  # folder of them, until the frames are made
RANGES = 2  # files of training frames that stay for it
EXAMPLE = """\
The student's first layers run once on frames put together from --images, --canvases and made-up
brand marks; a small neck learns from what they gave where in a frame things are. With --tune those
layers learn on from there, on the frames themselves; stopped, it goes on. Pictures of split val, a
fifth of the photos and other marks are kept aside: the probabilities are calibrated and the average
precision is measured on frames of those alone.

  edge-quantize glance --student build/student --images build/pictures \\
      --canvases ../shared/data/photos --out build/glance
  edge-quantize quantize-glance --glance build/glance --out build/glance-int8
  edge-quantize pack ... --glance build/glance-int8

It writes glance.safetensors, and in frames/ what quantize-glance measures and judges with.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize glance`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures of things")
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument("--canvases", type=Path, required=True, help="photos to put them on")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    add_flags(parser, GlanceSettings)


def run(args: argparse.Namespace) -> None:
    """Compose, learn, calibrate on things that nobody trained on, and judge."""
    settings = from_flags(args, GlanceSettings)
    _check(settings)
    file = student_file(args.student)
    student, _ = load(file)
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images),
              "canvases": recipe.digest(args.canvases)}  # fmt: skip
    asked = {"head": args.head, **msgspec.to_builtins(settings)}
    done = recipe.begin(args.out, "glance", asked, inputs)
    if not done:
        pictures = read_folder(args.images, args.head)
        glance, result = _taught(student, pictures, args.canvases, settings, args.out)
        save(glance, student, msgspec.to_builtins(settings), args.out / FILE)
        recipe.finish(args.out, result)
    frames = sorted((args.out / FRAMES).glob("train-*.npz"))
    recipe.clear(*(args.out / name for name in (MARKS, COURSE, TUNING)), *frames[RANGES:])
    _say(args.out, done.result if done else result)


def _check(settings: GlanceSettings) -> None:
    check_multiples(settings, 32, "side")
    lowest = min(height for _, height in SIZES)
    if settings.side > lowest:
        fix = f"--side {lowest // 32 * 32}"
        raise WorkshopError("--side", str(settings.side), f"{lowest} px or less, as frames", fix)
    least_of = {"frames": 1, "judged": 1, "epochs": 1, "batch": 1, "marks": 0, "tune": 0}
    check_least(settings, {**least_of, "weight_decay": 0, "seed": 0})
    check_between(settings, "lr", "tune_lr")


def _taught(
    student: Student, pictures: PictureSet, canvases: Path, settings: GlanceSettings, out: Path
) -> tuple[Glance, dict[str, Any]]:
    """The glance, and what came of it."""
    begin = perf_counter()
    sides, kinds = material(pictures, canvases), kinds_of(pictures)
    if settings.marks:
        sides, kinds = with_marks(sides, settings.marks, out / MARKS), (*kinds, MARK)
    torch.manual_seed(settings.seed)  # of the neck's first weights, too
    glance = Glance(Trunk(student.eval()), kinds, settings.side)
    taught, asked = (_lessons(glance, sides[split], split, settings, out) for split in sides)
    seen = perf_counter()
    glance.neck = learn(glance, taught, settings, out / COURSE)
    if settings.tune:
        judge_of = partial(_lessons, made_of=sides["val"], split="val", settings=settings, out=out)
        glance = tune(glance, taught, settings, out / TUNING, lambda g: _judged(g, judge_of(g)))
        asked = judge_of(glance)
    before = answers(glance, asked)
    there = (asked.truth["heat"] == 1).flatten(1, 2).float()
    scaled = calibrate(glance, before["heat"], there)
    result = {
        **_judged(glance, asked),
        "things": sum(len(e.shown) for e in asked.examples),
        **{f"scale {kind}": scale for kind, (scale, _) in zip(kinds, scaled)},
        **{f"photos {split}": sum(c is not None for c in sides[split].canvases) for split in sides},
        "seconds composing and looking": round(seen - begin),
        "seconds learning": round(perf_counter() - seen),
    }
    return glance, result


def _judged(glance: Glance, asked: Lessons) -> dict[str, float]:
    found = {name: rows.numpy() for name, rows in answers(glance, asked).items()}
    spec = spec_of(glance)
    value = precision(found["heat"], found["geometry"], spec, asked.examples)
    return {"average precision": value}


def _lessons(
    glance: Glance, made_of: Material, split: Split, settings: GlanceSettings, out: Path
) -> Lessons:
    """Frames of one side, as the student's first layers see them."""
    number, count = (0, settings.frames) if split == "train" else (1, settings.judged)
    order = Order(made_of.things, made_of.canvases, 2 * settings.seed + number, count,
                  settings.side)  # fmt: skip
    files = composed(order, out / FRAMES, split)
    return lessons(glance.trunk, read(files), count, glance.kinds, glance.cells)


def _say(out: Path, result: Mapping[str, Any]) -> None:
    sys.stdout.write(
        f"{out / FILE}: average precision {result['average precision']:.3f} "
        f"of {result['things']} things that nobody trained on\n"
    )
