"""What a low-data comparison learns from, chooses by and is judged on.

Either the splits are made here from a labelled folder, or published split files say which of its
pictures belong to which. The pictures to choose by are held out of the split itself: a run with ten
per cent of the labels has seen ten per cent of the labels.
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from pathlib import Path

import msgspec

from quantize.errors import WorkshopError
from quantize.pictures import PictureSet, TagList, read_folder
from quantize.pictures.split_files import (
    Line,
    by_label,
    cut_split,
    lines_of,
    read_split,
    shared,
)

CLASS_FOLDERS = "products"  # head of pictures whose folders alone say what they show


class Protocol(msgspec.Struct, frozen=True):
    """Splits by name ("10", "1i"), all of the same pictures, and the pictures to judge by."""

    images: Path  # what the lines' paths are relative to
    head: str
    tags: TagList
    splits: dict[str, list[Line]]
    test: list[Line]

    @property
    def lines(self) -> list[Line]:
        """Every picture that is asked for, once."""
        splits = (line for lines in self.splits.values() for line in lines)
        return list(dict.fromkeys([*self.test, *splits]))

    def files(self, lines: Sequence[Line]) -> list[Path]:
        """Where the pictures are."""
        return [self.images / line.file for line in lines]


def make_splits(
    images: Path, head: str | None, names: Sequence[str], without: Container[str] = ()
) -> Protocol:
    """Splits of a folder's `train` pictures; its `val` pictures are the test.

    Without `head` the folder must have one alone. `without`: files to pass over. Raises
    WorkshopError.
    """
    pictures = read_folder(images, head or CLASS_FOLDERS)
    head = _only_head(pictures, head, images)
    tags = pictures.lists[head]
    train, test = (
        _but(lines_of([s for s in pictures.of(split) if s.head == head], tags, images), without)
        for split in ("train", "val")
    )
    if not train or not test:
        raise WorkshopError(
            images,
            f"{len(train)} train and {len(test)} val pictures of {head}",
            "some of both: val is what the runs are judged on",
            "train/TAG/ and val/TAG/ folders, or a split in labels.jsonl",
        )
    splits = {name: cut_split(train, name) for name in names}
    return _checked(Protocol(images, head, tags, splits, test))


def published(
    images: Path,
    head: str | None,
    names: Sequence[str],
    folder: Path,
    without: Container[str] = (),
) -> Protocol:
    """Splits as `folder` has them: train_10.txt, train_1i.txt, ..., test.txt; but for what is in
    `without`.

    Where there is no test.txt, as with CUB, the set's own lists beside `images` are asked. Raises
    WorkshopError.
    """
    splits = {name: read_split(folder / f"train_{name}.txt") for name in names}
    originals = images.parent
    is_cub = not (folder / "test.txt").exists() and (originals / "train_test_split.txt").exists()
    test = cub_lines(originals)[1] if is_cub else read_split(folder / "test.txt")
    tags = _named([*test, *(line for lines in splits.values() for line in lines)])
    splits = {name: _but(lines, without) for name, lines in splits.items()}
    return _checked(Protocol(images, head or CLASS_FOLDERS, tags, splits, _but(test, without)))


def _but(lines: Sequence[Line], without: Container[str]) -> list[Line]:
    return [line for line in lines if line.file not in without]


def cub_lines(folder: Path) -> tuple[list[Line], list[Line]]:
    """Train and test of CUB-200-2011's own lists, labels counted from 0 as in split files."""
    names, labels, is_train = (
        dict(_pairs(folder / f"{name}.txt"))
        for name in ("images", "image_class_labels", "train_test_split")
    )
    lines = {key: Line(names[key], int(labels[key]) - 1) for key in names}
    return (
        [line for key, line in lines.items() if is_train[key] == "1"],
        [line for key, line in lines.items() if is_train[key] == "0"],
    )


def hold_out(lines: Sequence[Line], share: float, seed: int) -> tuple[list[Line], list[Line]]:
    """What to learn from and what to choose by: `share` of all, the same share of each class.

    As far as it goes: every class keeps a picture to learn from.
    """
    ranked: list[tuple[float, float, Line]] = []
    for label, mine in by_label(lines).items():
        draw = random.Random(f"hold out {seed} {label}")
        draw.shuffle(mine)
        places = [((i + 0.5) / len(mine), draw.random()) for i in range(len(mine))]
        ranked += [(*place, line) for place, line in zip(places, mine[:-1])]
    ranked.sort(key=lambda row: row[:2])
    held = {line for _, _, line in ranked[: round(share * len(lines))]}
    return [x for x in lines if x not in held], [x for x in lines if x in held]


def _pairs(file: Path) -> list[tuple[str, str]]:
    try:
        rows = [line.split(" ", 1) for line in file.read_text("utf-8").splitlines() if line]
        return [(number, value.strip()) for number, value in rows]
    except (FileNotFoundError, ValueError) as e:
        raise WorkshopError(file, str(e), "a line `number value` a picture", "") from e


def _only_head(pictures: PictureSet, head: str | None, images: Path) -> str:
    known = sorted(pictures.lists)
    if head in pictures.lists:
        return str(head)
    if head is None and len(known) == 1:
        return known[0]
    found = f"heads {', '.join(known)}" if known else "no labels"
    raise WorkshopError(images, found, f"head {head}" if head else "one head", "--head NAME")


def _named(lines: Sequence[Line]) -> TagList:
    """Class folders give the tags, where each label has one folder to itself; else numbers do."""
    folders: dict[int, set[str]] = {}
    for line in lines:
        folders.setdefault(line.label, set()).add(line.file.rpartition("/")[0].rpartition("/")[2])
    names = [next(iter(names)) for names in folders.values() if len(names) == 1]
    is_named = len({*names} - {""}) == len(folders)
    tags = [
        folders[i].copy().pop() if is_named and i in folders else str(i)
        for i in range(max(folders) + 1)
    ]
    return TagList(tuple(tags), (None,) * len(tags))


def _checked(protocol: Protocol) -> Protocol:
    for name, lines in protocol.splits.items():
        if not lines or not protocol.test:
            raise WorkshopError(
                f"split {name}",
                f"{len(lines)} pictures to learn from, {len(protocol.test)} in the test",
                "some of both that can be read",
                "mend the pictures, or give others",
            )
        if both := shared(lines, protocol.test):
            raise WorkshopError(
                f"split {name}",
                f"{len(both)} of its pictures are in the test too, {both[0]} first",
                "none",
                "take them out of one of the two",
            )
    return protocol
