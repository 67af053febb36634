"""Stage `glance`: a student, pictures of things and photos -> a network that says where to look."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import msgspec

from calib_data.composed import Thing, canvas_files
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.glance.course import answers, learn, lessons, precision, spots_of
from quantize.glance.lesson import calibrate
from quantize.glance.network import Glance, Trunk, save
from quantize.glance.settings import GlanceSettings
from quantize.glance.shards import composed, read
from quantize.pictures import PictureSet, read_folder
from quantize.stages.export import loaded, student_file
from quantize.students import Student
from quantize.training.settings import add_flags, from_flags

FILE = "glance.safetensors"
NONE = "none"


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize glance`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures of things")
    parser.add_argument("--canvases", type=Path, required=True, help="photos to put them on")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    add_flags(parser, GlanceSettings)


def run(args: argparse.Namespace) -> None:
    """Compose, learn, calibrate on things that nobody trained on, and judge."""
    settings = from_flags(args, GlanceSettings)
    file = student_file(args.student)
    student, _ = loaded(file)
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images)}
    if done := recipe.begin(args.out, "glance", msgspec.to_builtins(settings), inputs):
        return _say(args.out, done.result)
    pictures = read_folder(args.images)
    glance, result = _taught(student, pictures, args.canvases, settings, args.out)
    save(glance, student, msgspec.to_builtins(settings), args.out / FILE)
    recipe.finish(args.out, result)
    shutil.rmtree(args.out / "frames", ignore_errors=True)
    return _say(args.out, result)


def _taught(
    student: Student, pictures: PictureSet, canvases: Path, settings: GlanceSettings, out: Path
) -> tuple[Glance, dict[str, float]]:
    kinds = tuple(sorted({s.head for s in pictures.samples if s.tag and s.head != "tags"}))
    if not kinds:
        raise WorkshopError(out, "no labelled thing", "pictures with head and tag", "--images DIR")
    photos = canvas_files(canvases)
    glance = Glance(Trunk(student.eval()), kinds, settings.side)
    found = []
    for split, seed, count in (
        ("train", 2 * settings.seed, settings.frames),
        ("val", 2 * settings.seed + 1, settings.judged),
    ):
        things = _things(pictures, split)
        files = composed(things, photos, seed, count, settings.side, out / "frames")
        found.append(lessons(glance.trunk, read(files), count, kinds, glance.cells))
    taught, asked = found
    learn(glance, taught, settings)
    before = answers(glance, asked)
    there = (asked.truth["heat"] == 1).flatten(1, 2).float()
    scaled = calibrate(glance, before["heat"], there)
    after = answers(glance, asked)
    spots = spots_of(after["heat"], after["geometry"], glance, asked.examples)
    result = {"average precision": precision(spots, asked.examples)}
    result |= {f"scale {kind}": scale for kind, (scale, _) in zip(kinds, scaled)}
    return glance, result


def _things(pictures: PictureSet, split: str) -> list[Thing]:
    """Whole pictures of things; those that show none of them are put in as distractors."""
    return [
        Thing(s.file, s.head, s.tag)
        for s in pictures.samples
        if s.split == split and s.box is None and (s.tag or s.head == NONE)
    ]


def _say(out: Path, result: dict[str, float]) -> None:
    sys.stdout.write(f"{out / FILE}: average precision {result['average precision']:.3f}\n")
