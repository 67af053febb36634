"""Labelled pictures of single things, read from any folder, and what lies behind them: photos.

A label file is any `*.jsonl`, a row a picture: `file`, relative to it, and a label under one of
KEYS; or `head` and `tag`. `boxes` or `box` (x0, y0, x1, y1) say which part of the picture is meant.
A label of null, or the head "none", makes a distractor: a picture of what nobody wants named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge.errors import SourceError
from edge.pictures import pixels
from edge.pictures.suffixes import PICTURES
from edge.records import U8, Box

KEYS = {  # the key of the label -> the head that such labels belong to; "": any that knows the tag
    "category": "clothes",
    "product": "grocery",
    "species": "fish",
    "brand": "logo",
    "tag": "",
    "label": "",
}
NONE = "none"  # the head of a distractor
KEPT_PX = 192  # longest side of a picture kept in memory: nothing is pasted larger than 160
FIX = 'write a row a picture: {"file": "a.jpg", "category": "T-Shirt"}'


class Thing(msgspec.Struct, frozen=True):
    """A picture of one thing, and its label."""

    file: Path
    head: str  # "none": a distractor; "": not said
    tag: str
    box: Box | None = None  # the part that is meant; None: all of it


def read_things(folder: Path) -> list[Thing]:
    """Every labelled picture of `folder` and of the folders below, in a fixed order.

    Files without a label key in any row are passed over. Raises SourceError when no picture is
    left, a row is wrong, or a picture is missing.
    """
    folder = Path(folder)
    files = sorted(folder.rglob("*.jsonl"))
    found = [thing for file in files for thing in _things(file)]
    if not found:
        held = f"{len(files)} *.jsonl without a label" if files else "no label file"
        known = ", ".join(KEYS)
        raise SourceError(
            f"{folder}: folder holds {held}, expected *.jsonl in it or below with one of {known}",
            fix=FIX,
        )
    return found


def parted(things: Iterable[Thing]) -> tuple[list[Thing], list[Thing]]:
    """Those with a label, and the distractors."""
    both = list(things)
    return [t for t in both if t.head != NONE], [t for t in both if t.head == NONE]


def canvas_files(folder: Path) -> list[Path]:
    """The photos in `folder` and below, by name. Raises SourceError when there is none."""
    found = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in PICTURES)
    if not found:
        known = " ".join(sorted(PICTURES))
        raise SourceError(
            f"{folder}: folder holds no photo, expected files ending in {known}",
            fix="name a folder of photos of 1920 px and wider",
        )
    return found


@lru_cache(maxsize=10_000)  # at most 110 kB each
def picture(thing: Thing) -> U8:
    """The thing's pixels, (H, W, 3) RGB, the longest side at most KEPT_PX."""
    rgb = _decoded(thing.file)
    if thing.box:
        x0, y0, x1, y1 = thing.box
        rgb = rgb[max(0, y0) : y1, max(0, x0) : x1]
    if not rgb.size:
        raise SourceError(f"{thing.file}: box {thing.box} lies outside the picture")
    return resized(rgb, min(1.0, KEPT_PX / max(rgb.shape[:2]))).copy()


@lru_cache(maxsize=32)
def photo(file: Path) -> U8:
    """A canvas, (H, W, 3) RGB, as it is in the file."""
    return _decoded(file)


def resized(rgb: U8, scale: float) -> U8:
    """Aspect kept; averaged when it shrinks; may be `rgb` itself."""
    height, width = rgb.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return rgb
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=how), np.uint8)


def _decoded(file: Path) -> U8:
    try:
        return pixels.decode(file.read_bytes(), str(file))
    except OSError as e:
        raise SourceError(f"{file}: picture cannot be read: {e.strerror}, expected a file") from e


def _things(file: Path) -> Iterator[Thing]:
    rows = list(_rows(file))
    if not any(key in row for _, row in rows for key in KEYS):
        return  # a list of something else, or of whole scenes
    for where, row in rows:
        yield from _thing(row, file.parent, where)


def _rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            yield where, msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as e:
            raise SourceError(f"{where}: row is no JSON object: {e}", fix=FIX) from e


def _thing(row: dict[str, Any], folder: Path, where: str) -> Iterator[Thing]:
    head, tag = _label(row, where)
    name = row.get("file")
    if not isinstance(name, str) or not (folder / name).is_file():
        raise SourceError(f"{where}: file is {name!r}, expected a picture in {folder}", fix=FIX)
    for box in _boxes(row, where):
        yield Thing(folder / name, head, tag, box)


def _label(row: dict[str, Any], where: str) -> tuple[str, str]:
    """Head and tag as the row says them."""
    key = next((key for key in KEYS if key in row), None)
    if key is None:
        found = ", ".join(sorted(row)) or "none"
        raise SourceError(f"{where}: keys are {found}, expected one of {', '.join(KEYS)}", fix=FIX)
    head, tag = row.get("head", KEYS[key]), row[key]
    if tag is None or head == NONE:
        return NONE, ""
    if not isinstance(tag, str) or not tag or not isinstance(head, str):
        raise SourceError(f"{where}: {key} is {tag!r}, expected a word or null", fix=FIX)
    return head, tag


def _boxes(row: dict[str, Any], where: str) -> list[Box | None]:
    said = row.get("boxes") or ([row["box"]] if row.get("box") else [])
    try:
        boxes = msgspec.convert(said, list[Box], strict=False)
    except msgspec.ValidationError as e:
        raise SourceError(f"{where}: box is {said}, expected x0, y0, x1, y1", fix=FIX) from e
    if any(not (x0 < x1 and y0 < y1) for x0, y0, x1, y1 in boxes):
        raise SourceError(f"{where}: box is {said}, expected x0 < x1 and y0 < y1", fix=FIX)
    return list(boxes) or [None]
