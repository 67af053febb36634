"""AutoFish's `annotations.json`: COCO with a fish's number, length, side and group.

Known oddities, all read: category ids start at 0; folders are `group_1` or `group_01`; a fish that
another one cuts in pieces has several polygons; lengths are in cm and rounded to half a cm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import msgspec
import numpy as np

from edge.records import U8
from quantize.errors import WorkshopError

MAX_BYTES = 1 << 29
FINER = 8  # times, when polygons are drawn: OpenCV fills every pixel that an edge touches
FOLDER = re.compile(r"group_0*(\d+)/")


class Picture(msgspec.Struct, frozen=True):
    """A row of `images`."""

    id: int
    file_name: str  # group_01/00001.png
    width: int
    height: int
    group: int | None = None

    @property
    def group_number(self) -> int | None:
        """Said, or told by the folder."""
        told = FOLDER.search(self.file_name)
        return self.group if self.group is not None else int(told[1]) if told else None


class Fish(msgspec.Struct, frozen=True):
    """A row of `annotations`."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]  # x, y, w, h
    area: float
    segmentation: tuple[tuple[float, ...], ...]  # polygons, x0, y0, x1, y1, ...
    iscrowd: int = 0
    length: float | None = None  # cm
    fish_id: int | None = None
    side_up: Literal["L", "R"] | None = None


class Category(msgspec.Struct, frozen=True):
    """A species."""

    id: int
    name: str


class FishSet(msgspec.Struct, frozen=True):
    """The whole file."""

    images: tuple[Picture, ...]
    annotations: tuple[Fish, ...]
    categories: tuple[Category, ...]

    def group_of(self) -> dict[int, int | None]:
        """Picture id -> group."""
        return {picture.id: picture.group_number for picture in self.images}


def read_coco(file: Path) -> FishSet:
    """Raises WorkshopError for what is no such file, or names what is not in it."""
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= MAX_BYTES else b""
    except OSError as e:
        raise WorkshopError(
            file, e.strerror or str(e), "AutoFish's annotations.json", "--coco FILE"
        ) from e
    try:
        found = msgspec.json.decode(data, type=FishSet)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise WorkshopError(
            file, f"{e}", "a COCO file with AutoFish's fields", "copy it again"
        ) from e
    _check(found, file)
    return found


def write_coco(found: FishSet, file: Path) -> None:
    """As it was read."""
    file.write_bytes(msgspec.json.encode(found))


def mask_of(fish: Fish, width: int, height: int) -> U8:
    """All of its polygons together, (H, W) 0 or 1: pixels of which at least half is inside."""
    mask = np.zeros((height, width), np.uint8)
    every = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in fish.segmentation])
    low = np.clip(np.floor(every.min(0)).astype(int), 0, (width, height))
    high = np.clip(np.ceil(every.max(0)).astype(int) + 1, 0, (width, height))
    across, down = (high - low).tolist()
    if across < 1 or down < 1:
        return mask
    fine = np.zeros((FINER * down, FINER * across), np.uint8)
    for polygon in fish.segmentation:
        points = (np.reshape(polygon, (-1, 2)) - low) * FINER - 0.5
        cv2.fillPoly(fine, [np.round(points * 16).astype(np.int32)], 255, shift=4)
    shares = cv2.resize(fine, (across, down), interpolation=cv2.INTER_AREA)
    mask[low[1] : high[1], low[0] : high[0]] = shares >= 128
    return mask


def path_of(picture: Picture, folder: Path) -> Path:
    """Where it lies: the folder of its group is spelled with or without a zero."""
    told = FOLDER.search(picture.file_name)
    if told is None or (folder / picture.file_name).exists():
        return folder / picture.file_name
    number, rest = int(told[1]), picture.file_name[told.end() :]
    spelled = [folder / f"group_{number}" / rest, folder / f"group_{number:02d}" / rest]
    return next((path for path in spelled if path.exists()), folder / picture.file_name)


def _check(found: FishSet, file: Path) -> None:
    pictures = {picture.id for picture in found.images}
    species = {category.id for category in found.categories}
    for fish in found.annotations:
        if fish.image_id not in pictures or fish.category_id not in species:
            raise WorkshopError(
                file, f"annotation {fish.id}: image {fish.image_id}, category {fish.category_id}",
                "ones that the file has", "copy it again",
            )  # fmt: skip
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in fish.segmentation):
            raise WorkshopError(
                file, f"annotation {fish.id} has a polygon of an odd or too small number of values",
                "x, y of 3 points or more", "copy it again",
            )  # fmt: skip
    _unique([picture.id for picture in found.images], "image", file)
    _unique([fish.id for fish in found.annotations], "annotation", file)


def _unique(ids: Sequence[int], what: str, file: Path) -> None:
    if len(set(ids)) < len(ids):
        raise WorkshopError(file, f"an {what} id is given twice", "each once", "copy it again")
