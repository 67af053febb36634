"""What there is to learn in distillation: pictures by the million, read when their turn comes, and
what a teacher said of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import msgspec
import numpy as np

from edge.records import F32, U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.labels import Labels, load, told_of
from quantize.pictures import Sample, by_key, read, read_folder
from quantize.training.shelf import small

KEPT_BYTES = 2 << 30  # of decoded pictures; the rest is read again every epoch


class Course(msgspec.Struct, frozen=True, eq=False):
    """Everything there is to learn."""

    pictures: Pictures
    logits: F32  # (N, T)
    feature: F32 | None  # (N, D)


class Pictures:
    """Samples as pixels, in memory as far as they fit."""

    def __init__(self, samples: Sequence[Sample], kept_bytes: int = KEPT_BYTES) -> None:
        self.samples = samples
        self._kept: dict[int, U8] = {}
        self._room = kept_bytes
        self._lock = Lock()  # threads ask

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> U8:
        """(H, W, 3) RGB, shrunk. Raises SourceError when the file cannot be read any more."""
        found = self._kept.get(i)
        if found is None:
            found = small(read(self.samples[i]))
            with self._lock:
                if i not in self._kept and found.nbytes <= self._room:
                    self._kept[i] = found
                    self._room -= found.nbytes
        return found


def read_course(
    images: Path, folder: Path, keep_tags: Path | None = None
) -> tuple[list[Sample], list[Sample], Labels]:
    """Pictures to learn from, pictures to be judged on, and what the teacher said of both in the
    `folder` that `label` wrote. `keep_tags`: a file of tags, one a line; None: all. Raises
    WorkshopError.
    """
    recipe.read(folder, "label")
    tags = _kept(keep_tags) if keep_tags else None
    seen = by_key(read_folder(images).samples)  # with two labels it is one picture
    labels = load(folder, tags, seen.keys())
    known = told_of(seen.values(), labels, folder)
    train, held_out = ([s for s in known if s.split == split] for split in ("train", "val"))
    _refuse_zeros(labels, folder)
    return train, held_out, labels


def _kept(file: Path) -> list[str]:
    """Tags, one a line."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise WorkshopError(file, str(e), "tags in UTF-8, one a line", "--keep-tags FILE") from e
    return [line.strip() for line in lines if line.strip()]


def _refuse_zeros(labels: Labels, folder: Path) -> None:
    """R18: a row of zeros is one that nobody filled; learned from, it makes every tag likely."""
    for what, rows in (("logits", labels.soft), ("an embedding", labels.embedding or {})):
        empty = [key for key, row in rows.items() if not row.any()]
        # One logit may well be 0; a whole vocabulary is not.
        if empty and (what != "logits" or len(labels.tags) > 1):
            raise WorkshopError(
                folder, f"{len(empty)} pictures with {what} of nothing but zeros ({empty[0]})",
                "what a teacher said", "run edge-quantize label anew, with whole weights",
            )  # fmt: skip


def course_of(train: Sequence[Sample], labels: Labels, needs_feature: bool) -> Course:
    """The pictures with their rows; embeddings only where a loss needs them."""
    wanted = labels.embedding if needs_feature else None
    return Course(
        Pictures(train),
        np.stack([labels.soft[s.key] for s in train]),
        np.stack([wanted[s.key] for s in train]) if wanted else None,
    )
