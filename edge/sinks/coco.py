"""COCO annotations of a run: one file, there whole at its end or not at all.

Boxes are [x, y, width, height] in px. Ids of categories count tags in the order in which they were
first seen. While the run lasts, what is known lies in two files beside the one to come: memory
holds the categories only, and a run that is cut off leaves an earlier file as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import UNSET

from edge import __version__
from edge.config.records import area
from edge.errors import SinkError
from edge.records import FrameFailed, FrameTags, Picture, Tag
from edge.sinks.target import Target
from edge.store import cleared, make_folder, sync


class CocoSink:
    """Raises SinkError; after that, what was written before is still there for the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._categories: dict[tuple[str, str], tuple[int, str | None]] = {}
        self._images = self._annotations = 0
        make_folder(path.parent)
        if path.exists() and not path.is_file():
            raise SinkError(f"{path}: no regular file", fix="name another file")
        with self._told():
            self._image_file = cleared(self._part("images")).open("xb+", buffering=0)
            self._annotation_file = cleared(self._part("annotations")).open("xb+", buffering=0)

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed):
            return
        number = self._images + 1
        about = {
            "id": number, "file_name": result.source, "frame": result.frame,
            "width": result.size[0], "height": result.size[1], "date_captured": result.time,
        }  # fmt: skip
        first = self._annotations + 1
        rows = [self._annotation(first + n, number, tag) for n, tag in enumerate(result.tags)]
        both = self._annotation_file, self._image_file
        with self._told(), _whole(*both):  # one without the other would be a wrong truth
            _append(self._annotation_file, rows, is_first=first == 1)
            _append(self._image_file, [about], is_first=number == 1)
        self._images, self._annotations = number, self._annotations + len(rows)

    def close(self) -> None:
        """The file, by its name."""
        part = self._part("whole")
        try:
            with self._told():
                with cleared(part).open("xb") as file:
                    self._assemble(file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._path)
                sync(self._path.parent)  # holds the name
        finally:
            self._image_file.close()
            self._annotation_file.close()
            for what in ("images", "annotations", "whole"):
                with suppress(OSError):
                    self._part(what).unlink(missing_ok=True)

    def _annotation(self, number: int, image: int, tag: Tag) -> dict[str, object]:
        x0, y0, x1, y1 = tag.box
        wide, tall = x1 - x0, y1 - y0
        about: dict[str, object] = {
            "id": number, "image_id": image, "category_id": self._category(tag),
            "bbox": [x0, y0, wide, tall], "area": wide * tall, "iscrowd": 0, "score": tag.score,
            "track_id": tag.track,
        }  # fmt: skip
        if tag.outline is not UNSET:
            about["segmentation"] = [[edge for point in tag.outline for edge in point]]
            about["area"] = area(tag.outline)  # evaluation sorts things by it
        return about

    def _category(self, tag: Tag) -> int:
        known = self._categories
        return known.setdefault((tag.head, tag.tag), (len(known) + 1, tag.group))[0]

    def _assemble(self, file: BinaryIO) -> None:
        categories = [
            {"id": number, "name": name, "supercategory": group or head, "head": head}
            for (head, name), (number, group) in self._categories.items()
        ]
        about = {"description": "tags", "contributor": f"edge-tag {__version__}"}
        file.write(b'{"info":' + msgspec.json.encode(about) + b',"images":[')
        _copy(self._image_file, file)
        file.write(b'],"annotations":[')
        _copy(self._annotation_file, file)
        file.write(b'],"categories":' + msgspec.json.encode(categories) + b"}\n")

    def _part(self, what: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{what}.part")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise SinkError(
                f"{self._path}: {e.strerror}", fix="make room, or name another file"
            ) from e


def open_from(target: Target) -> CocoSink:
    """Raises SinkError."""
    return CocoSink(Path(target.where))


def _append(file: BinaryIO, rows: list[dict[str, object]], *, is_first: bool) -> None:
    if not rows:
        return
    data = b",\n".join(map(msgspec.json.encode, rows))
    data = data if is_first else b",\n" + data
    written = 0
    while written < len(data):  # a full disk takes a part first
        written += file.write(data[written:])


@contextmanager
def _whole(*files: BinaryIO) -> Iterator[None]:
    """All that is written to the files, or nothing to any."""
    ends = [file.tell() for file in files]
    try:
        yield
    except OSError:
        for file, end in zip(files, ends):
            file.seek(end)
            with suppress(OSError):
                file.truncate()
        raise


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    source.seek(0)
    shutil.copyfileobj(source, target)
