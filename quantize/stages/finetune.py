"""Stage `finetune`: labelled pictures, and a teacher's soft targets if there are, -> a student."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from edge.bundle import InputSpec
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.pictures import TagList, write_lists
from quantize.pictures.samples import BRANDS
from quantize.students import Student, load, normalise, save
from quantize.students.starting import FILE, start, there
from quantize.training.batches import batches, steps_an_epoch
from quantize.training.distributed import Group, process_group
from quantize.training.groups import Groups, groups_by_head
from quantize.training.loop import CHECKPOINT, Schedule, fit
from quantize.training.material import read_shelves, untaught
from quantize.training.objective import accuracy, taught
from quantize.training.settings import (
    Settings,
    add_flags,
    check,
    check_batch,
    check_least,
    from_flags,
)
from quantize.training.shelf import Shelf
from quantize.training.views import view

NORM_PICTURES = 256  # enough for the statistics of a batch norm


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize finetune`."""
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures")
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument("--labels", type=Path, help="what `label` wrote: a teacher of head `tags`")
    parser.add_argument(
        "--teachers",
        type=Path,
        nargs="+",
        default=[],
        help="earlier students with the same heads, asked together about every view",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument(
        "--workers",
        type=int,
        help="processes that prepare pictures for a GPU; not given: all cores but two, none on cpu",
    )
    add_flags(parser, Settings)


def run(args: argparse.Namespace) -> None:
    """Train; goes on where it was stopped. Under torchrun each process sees its part of a batch."""
    settings = from_flags(args, Settings)
    check(settings)
    check_least(args, {"workers": 0})
    inputs = {"images": recipe.digest(args.images)}
    inputs |= {"labels": recipe.digest(args.labels)} if args.labels else {}
    inputs |= {"start": recipe.digest(first)} if (first := there(settings.start)) else {}
    inputs |= {f"teacher {n}": recipe.digest(t) for n, t in enumerate(args.teachers)}
    with process_group(args.device) as group:
        asked = {"head": args.head, **msgspec.to_builtins(settings)}
        done = group.once(lambda: recipe.begin(args.out, "finetune", asked, inputs))
        result = done.result if done else _trained(args, settings, group)
        if group.is_first:
            recipe.clear(args.out / CHECKPOINT)
            _say(args.out, result)


def _trained(args: argparse.Namespace, settings: Settings, group: Group) -> dict[str, float]:
    """Accuracy by head of the averaged student, which the first process wrote."""
    lists, train, val = read_shelves(args.images, args.head, args.labels)
    if group.is_first:
        sys.stderr.writelines(f"{args.images}: {told}\n" for told in untaught(lists, train, val))
    check_batch(args.images, int(sum(s.share for s in train.samples)), settings.batch)
    student = _start(train, settings, {**train.sizes, **_tags_size(lists)})
    learned = partial(
        taught,
        soft_weight=settings.soft_weight,
        teachers=[_teacher(folder, train.sizes, group.device) for folder in args.teachers],
        teacher_weight=settings.teacher_weight,
        kind=train.kind,
        groups=_groups(lists, settings, args.images),
    )
    judge = partial(accuracy, shelf=val, side=settings.final_side)
    shown = batches(train, settings, _workers(args.workers, group), group.device)
    average = fit(
        student.to(group.device),
        lambda epoch: map(group.part, shown(epoch)),
        learned,
        _schedule(train, settings),
        args.out,
        judge,
        _frozen(student, settings.frozen),
        group,
    )
    return _written(average, lists, settings, args.out, judge(average)) if group.is_first else {}


def _written(
    average: Student,
    lists: dict[str, TagList],
    settings: Settings,
    out: Path,
    result: dict[str, float],
) -> dict[str, float]:
    if lists.pop(BRANDS, None):
        del average.heads[BRANDS]
    write_lists(lists, out)
    save(average, msgspec.to_builtins(settings), out / FILE)
    recipe.finish(out, result)
    return result


def _workers(asked: int | None, group: Group) -> int:
    """On a CPU the student needs the cores itself."""
    if asked is not None:
        return asked
    cores = os.cpu_count() or 1
    return 0 if group.device == "cpu" else max(0, cores // group.world - 2)


def _teacher(folder: Path, sizes: dict[str, int], device: str) -> Student:
    """An earlier student that answers for every head that ships. Raises WorkshopError."""
    file = folder / FILE
    if not file.is_file():
        raise WorkshopError(file, "no such file", "an earlier student", "--teachers FOLDER")
    teacher = load(file)[0].eval().to(device, memory_format=torch.channels_last)
    found = {head: linear.out_features for head, linear in teacher.heads.items()}
    wanted = {head: size for head, size in sizes.items() if head != BRANDS}
    if missing := {head: size for head, size in wanted.items() if found.get(head) != size}:
        raise WorkshopError(file, f"heads {found}", f"{missing} among them", "another --teachers")
    return teacher


def _groups(lists: dict[str, TagList], settings: Settings, images: Path) -> Groups:
    """Raises WorkshopError where there are none, and some are to be taught."""
    groups = Groups(groups_by_head(lists), settings.group_weight)
    if groups.weight and not groups.of:
        raise WorkshopError(
            images, "no tag has a group", f"some for --group-weight {groups.weight}",
            "say them in labels.jsonl or tags.json, or leave --group-weight out",
        )  # fmt: skip
    return groups


def _frozen(student: Student, layers: int) -> list[nn.Module]:
    """The first layers of a network that is a row of layers; others learn whole."""
    return list(student.backbone[:layers]) if isinstance(student.backbone, nn.Sequential) else []


def _tags_size(lists: dict[str, TagList]) -> dict[str, int]:
    return {"tags": len(lists["tags"].tags)} if "tags" in lists else {}


def _start(train: Shelf, settings: Settings, heads: dict[str, int]) -> Student:
    return start(settings.start, settings.student, heads, _seen(train, settings), settings.seed)


def _seen(train: Shelf, settings: Settings) -> Tensor:
    """Views of some pictures, (N, 3, side, side) normalised."""
    draw = np.random.default_rng(settings.seed)
    spec = InputSpec(height=settings.side, width=settings.side)
    count = min(NORM_PICTURES, len(train.pictures))
    chosen = draw.choice(len(train.pictures), count, replace=False)
    seen = np.stack([view(train.pictures[i], spec, draw, settings.light) for i in chosen])
    return normalise(torch.from_numpy(seen))


def _schedule(train: Shelf, settings: Settings) -> Schedule:
    return Schedule(
        settings.epochs,
        steps_an_epoch(train, settings),
        settings.lr,
        settings.weight_decay,
        settings.warm_up,
        settings.ema,
        settings.seed,
    )


def _say(out: Path, result: dict[str, float]) -> None:
    said = ", ".join(f"{head} {value:.1%}" for head, value in result.items() if head != "done")
    sys.stdout.write(f"{out / FILE}: top-1 on held-out pictures: {said or 'none held out'}\n")
