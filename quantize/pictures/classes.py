"""Class folders: which files are pictures, which folder says what they show, what is left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from edge.pictures.suffixes import OURS, PICTURES
from quantize.contents import files_below
from quantize.errors import WorkshopError
from quantize.pictures.rows import NAMES, Row
from quantize.pictures.samples import Split

SPLITS: dict[str, Split] = {  # folders above the class folders
    "train": "train", "val": "val", "valid": "val", "validation": "val", "test": "val"
}  # fmt: skip
READ = PICTURES | {".gif"}  # of a GIF the first picture
BESIDE = ("tags.json", "sources.json", "attributes.jsonl", "recipe.json")  # not pictures, but read
log = logging.getLogger(__name__)


def class_rows(folder: Path, head: str) -> Iterator[Row]:
    """A row a picture. Raises WorkshopError for names that cannot be a head's and a tag's."""
    seen = sorted(file.relative_to(folder) for file in _pictures(folder))
    has_classes = any(len(name.parts) > 1 and name.parts[0] not in SPLITS for name in seen)
    for name in seen:
        above: list[str] = list(name.parts[:-1])
        split = None
        # train/1.jpg beside bus/2.jpg is a train.
        if above and above[0] in SPLITS and (len(above) > 1 or not has_classes):
            split = SPLITS[above.pop(0)]
        tag = above[-1] if above else ""
        row = {"file": str(name), "head": head if above else "", "tag": tag, "split": split}
        yield _named(row, folder)


def _pictures(folder: Path) -> list[Path]:
    """Files by what their names end in; the others are counted on stderr."""
    files = list(files_below(folder))
    kept = [f for f in files if f.suffix.lower() in READ and not f.name.endswith(OURS)]
    others = {*files} - {*kept} - {folder / name for name in BESIDE}
    if others:
        _tell(folder, sorted(others))
    return kept


def _tell(folder: Path, others: Sequence[Path]) -> None:
    kinds = Counter(_kind(file) for file in others)
    counted = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common())
    warn_once(f"{folder}: {len(others)} files left out, no pictures that can be learned from: "
          f"{counted}; first {others[0].relative_to(folder)}")  # fmt: skip


def _kind(file: Path) -> str:
    """.heic; or what edge-tag writes beside a picture, with its boxes drawn in: .tags.jpg"""
    ours = [end for end in OURS if file.name.endswith(end)]
    return ours[0] if ours else file.suffix.lower() or "no suffix"


@lru_cache(maxsize=64)  # a stage may read its folder twice
def warn_once(text: str) -> None:
    """On stderr, unless a program that calls us has its own log."""
    log.warning(text)


def _named(row: dict[str, str | None], folder: Path) -> Row:
    try:
        return msgspec.convert(row, Row)
    except msgspec.ValidationError as e:
        found = f"head {row['head']!r}, tag {row['tag']!r}"
        fix = "--head OTHER, or rename the folder"
        raise WorkshopError(folder / str(row["file"]), found, NAMES, fix) from e
