"""What frames are put together from, each thing and each photo on one side of the split alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec

from calib_data.composed import Thing, canvas_files
from calib_data.marks import mark
from quantize.errors import WorkshopError
from quantize.pictures import PictureSet, Split
from quantize.pictures.folder import share_of

NONE = "none"  # the head of what nobody wants named
GENERAL = "tags"  # the head of whole pictures: no thing
JUDGED = 5  # one photo in so many is for the judge's frames
RENDERED = 4  # one rendered ground for so many photos
MARK = "mark"  # the kind of what no head has learned


class Material(msgspec.Struct, frozen=True):
    """Of one side."""

    things: tuple[Thing, ...]  # those of head "none" are distractors
    canvases: tuple[Path | None, ...]  # None: a rendered ground


def material(pictures: PictureSet, canvases: Path) -> dict[Split, Material]:
    """What to train on and what to judge with.

    Raises WorkshopError where a side has no labelled thing, or a picture is on both.
    """
    photos = sorted(canvas_files(canvases), key=lambda file: share_of(file.name))
    held = len(photos) // JUDGED  # of four photos none: the judge has rendered grounds then
    sides: dict[Split, Sequence[Path]] = {"train": photos[held:], "val": photos[:held]}
    made = {split: Material(_things(pictures, split), _grounds(p)) for split, p in sides.items()}
    _refuse_both(made)
    return made


def kinds_of(pictures: PictureSet) -> tuple[str, ...]:
    """Names of the heads that things belong to."""
    return tuple(sorted({s.head for s in pictures.samples if s.tag and s.head != GENERAL}))


def with_marks(sides: dict[Split, Material], count: int, folder: Path) -> dict[Split, Material]:
    """And `count` made-up brand marks to train on, others to judge with; drawn in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {"train": range(count), "val": range(count, count + max(1, count // JUDGED))}
    return {
        split: msgspec.structs.replace(
            side, things=(*side.things, *(_mark(folder / f"{n}.png", n) for n in numbers[split]))
        )
        for split, side in sides.items()
    }


def _mark(file: Path, number: int) -> Thing:
    cv2.imwrite(str(file), mark(number)[:, :, ::-1])
    return Thing(file, MARK, "")


def _things(pictures: PictureSet, split: Split) -> tuple[Thing, ...]:
    """Whole pictures of things; those that show none of them are put in as distractors."""
    found = tuple(
        Thing(s.file, s.head, s.tag)
        for s in pictures.samples
        if s.split == split
        and s.box is None
        and (s.tag or s.head == NONE)
        and s.head != GENERAL
        and s.trust  # what was pasted once is a scene
    )
    if all(thing.head == NONE for thing in found):
        raise WorkshopError(
            "--images",
            f"no labelled picture of a thing in split {split}",
            "pictures with head and tag in both, whole ones",
            'rows {"file", "head", "tag", "split"} in labels.jsonl, or class folders and --head',
        )
    return found


def _grounds(photos: Sequence[Path]) -> tuple[Path | None, ...]:
    return (*photos, *[None] * max(1, len(photos) // RENDERED))


def _refuse_both(made: dict[Split, Material]) -> None:
    """A judge who knows the things that were trained on would believe anything."""
    train, val = ({t.file for t in made[split].things} for split in ("train", "val"))
    if both := sorted(train & val):
        raise WorkshopError(
            both[0],
            f"in train and in val, as {len(both) - 1} more",
            "each picture on one side",
            "--images build/pictures: a set made with --more has no judge",
        )
