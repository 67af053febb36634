"""Stage `refit`: the heads of a student meet a discriminant on its own embedding.

The network stays as it is, and so does `tags`, which no label teaches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import torch
from tqdm import tqdm

from edge.bundle import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.pictures import TagList, read_folder
from quantize.stages.export import copy_beside, side_of, student_file
from quantize.students import Student, load, normalise, save
from quantize.students.starting import FILE
from quantize.training.batches import Turn, epoch_order
from quantize.training.discriminant import Indices, refit
from quantize.training.objective import accuracy
from quantize.training.settings import add_flags, check_least, check_shares, from_flags, help_of
from quantize.training.shelf import Shelf, shelve
from quantize.training.views import view

BATCH = 64  # pictures at a time


class Settings(msgspec.Struct, frozen=True):
    """One run."""

    share: Annotated[float, help_of("of the discriminant; the rest of a head is what it was")] = 0.3
    views: Annotated[int, help_of("of each picture: as it is, then random ones")] = 2
    seed: Annotated[int, help_of("of the order and of the views")] = 0


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize refit`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    parser.add_argument("--images", type=Path, required=True, help="what it learned from")
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--side", type=int, help="px of the input; None: what it learned with")
    add_flags(parser, Settings)


def run(args: argparse.Namespace) -> None:
    """Refit; raises WorkshopError for a folder of other tags than the student's."""
    settings = from_flags(args, Settings)
    check_shares(settings, "share")
    check_least(settings, {"views": 1, "seed": 0})
    file = student_file(args.student)
    student, learned = load(file)
    side = side_of(learned, args.side, file)
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images)}
    asked = {"head": args.head, "side": side, **msgspec.to_builtins(settings)}
    if done := recipe.begin(args.out, "refit", asked, inputs):
        return _say(args.out, done.result)
    pictures = read_folder(args.images, args.head)
    lists = _taught(file, student, pictures.lists)
    train, val = shelve(pictures.of("train"), lists), shelve(pictures.of("val"), lists)
    result = refitted(student, train, val, side, settings)
    copy_beside(file, args.out)  # for its tags
    save(student, {**learned, "refit": settings.share}, args.out / FILE)
    recipe.finish(args.out, result)
    return _say(args.out, result)


def refitted(
    student: Student, train: Shelf, val: Shelf, side: int, settings: Settings
) -> dict[str, dict[str, float]]:
    """The student, in place; top-1 by head on pictures held out, before and after."""
    before = accuracy(student, val, side)
    features, labels = embedded(student, train, side, settings)
    for name, rows in labels.items():
        said = rows >= 0
        refit(student.heads[name], features[said], rows[said], settings.share)
    return {"before": before, "top1": accuracy(student, val, side)}


@torch.inference_mode()
def embedded(
    student: Student, shelf: Shelf, side: int, settings: Settings
) -> tuple[F32, dict[str, Indices]]:
    """(N, D) of an epoch's samples a view; head -> (N,) labels, -1: nobody said."""
    spec, student = InputSpec(height=side, width=side), student.eval()
    student = student.to(memory_format=torch.channels_last)
    features = []
    turns = list(_turns(shelf, settings))
    for turn in tqdm(turns, "refit", disable=None):
        seen = normalise(torch.from_numpy(_seen(shelf, spec, settings.seed, turn)))
        features.append(student.embed(seen).numpy())
    order = np.concatenate([turn.chosen for turn in turns])
    return np.concatenate(features), {h: of.numpy()[order] for h, of in shelf.labels.items()}


def _turns(shelf: Shelf, settings: Settings) -> Iterator[Turn]:
    """Epoch 0 shows pictures as they are. The last turn of an epoch may be shorter."""
    for epoch in range(settings.views):
        order = epoch_order(shelf, np.random.default_rng((settings.seed, epoch)))
        for step, first in enumerate(range(0, len(order), BATCH)):
            yield Turn(epoch, step, order[first : first + BATCH])


def _seen(shelf: Shelf, spec: InputSpec, seed: int, turn: Turn) -> U8:
    pictures = [shelf.pictures[row] for row in turn.chosen]
    if turn.epoch == 0:
        return pixels.batch(pictures, spec)
    draw = np.random.default_rng((seed, turn.epoch, turn.step * BATCH))
    return np.stack([view(picture, spec, draw) for picture in pictures])


def _taught(file: Path, student: Student, lists: Mapping[str, TagList]) -> dict[str, TagList]:
    """Of the heads that the student has, those that labels teach. Raises WorkshopError."""
    taught = {name: tags for name, tags in lists.items() if name != "tags"}
    found = {name: head.out_features for name, head in student.heads.items() if name in taught}
    wanted = {name: len(taught[name].tags) + 1 for name in found}
    if not found or found != wanted:
        expected = f"{wanted or sorted(taught)} as in the pictures"
        raise WorkshopError(file, f"heads {found}", expected, "the pictures that it learned from")
    return {name: taught[name] for name in found}


def _say(out: Path, result: Mapping[str, Any]) -> None:
    before = result["before"]
    said = ", ".join(f"{h} {before[h]:.1%} to {now:.1%}" for h, now in result["top1"].items())
    told = f"top-1 on held-out pictures: {said or 'none held out'}"
    sys.stdout.write(f"{out / FILE}: {told}\n")
