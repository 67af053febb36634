"""A picture, or a part of one, and what a person said about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from os.path import abspath
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import U8, Box, Region
from quantize.errors import WorkshopError

Split = Literal["train", "val"]
Place = tuple[Path, Box | None]
BRANDS = "made-up-brands"  # a head that teaches the embedding, and is not kept


class Sample(msgspec.Struct, frozen=True):
    """One picture to learn from or to be judged on."""

    file: Path
    head: str  # whose tag it has; "none": no head should name it; "": nobody said
    tag: str  # the label; "" where head is "none" or ""
    split: Split
    box: Box | None = None  # the part that is meant; None: all of it
    share: float = 1.0  # how often an epoch shows it: 0.3 in three of ten, 2 twice
    trust: float = 1.0  # of what --teachers think of it; 0: such a picture they never learned from

    @property
    def place(self) -> Place:
        """What makes two samples, of different labels maybe, the same picture."""
        return self.file, self.box

    @property
    def key(self) -> str:
        """What soft targets are filed under."""
        path = Path(abspath(self.file))  # noqa: PTH100 - a link keeps its name
        return "/".join(path.parts[-5:]) + (f"@{self.box}" if self.box else "")


def pictures_of(samples: Iterable[Sample]) -> list[Sample]:
    """Each picture once, however many labels it has, in order."""
    first: dict[Place, Sample] = {}
    for sample in samples:
        first.setdefault(sample.place, sample)
    return list(first.values())


def by_key(samples: Iterable[Sample]) -> dict[str, Sample]:
    """Pictures by what soft targets are filed under; one with many labels has the last of them.

    Raises WorkshopError when two pictures have one key: one would take the other's soft target.
    """
    found: dict[str, Sample] = {}
    for sample in samples:
        known = found.setdefault(sample.key, sample)
        if known.file != sample.file:
            raise WorkshopError(
                sample.file,
                f"filed under {sample.key!r}, as {known.file} is",
                "names that differ in their last five parts",
                "rename a folder",
            )
        found[sample.key] = sample
    return found


class TagList(msgspec.Struct, frozen=True):
    """The tags a head can give, in the order of its logits."""

    tags: tuple[str, ...]
    groups: tuple[str | None, ...]


def groups_of(tags: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.int64]:
    """(T,) the group of each tag, as a number; a tag without one stands alone."""
    names = [(1, group) if group else (0, tag) for tag, group in zip(tags, groups)]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


class PictureSet(msgspec.Struct, frozen=True):
    """Samples, and the tags of every head that has labels among them."""

    samples: tuple[Sample, ...]
    lists: dict[str, TagList]

    def of(self, split: Split) -> list[Sample]:
        """The samples of one split."""
        return [s for s in self.samples if s.split == split]


def read(sample: Sample) -> U8:
    """The sample's pixels, (H, W, 3) RGB.

    Raises SourceError when the file cannot be read, or the box does not lie in the picture.
    """
    rgb = _decoded(sample.file)
    if sample.box is None:
        return rgb
    try:
        return pixels.cut(rgb, Region(*sample.box))
    except ValueError as e:
        raise SourceError(f"{sample.file}: {e}", fix="mend its box in labels.jsonl") from None


@lru_cache(maxsize=1)  # a photo is asked for once a view, one after the other
def _decoded(file: Path) -> U8:
    return pixels.decode(file.read_bytes(), str(file))
