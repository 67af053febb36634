"""The labelled photos of `benchmarks.gallery`, and galleries that some of them make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from edge.heads.examples import example, new_gallery
from edge.heads.gallery import Enrolled, Example, Gallery, learned_gallery
from edge.pictures.pixels import decode
from edge.records import U8, Box
from edge.tagger import Tagger


class Photo(msgspec.Struct, frozen=True):
    """A labelled picture."""

    file: Path
    brand: str | None
    boxes: tuple[Box, ...]  # inside the picture


def read_photos(folder: Path) -> list[Photo]:
    """Those with a box, and those without any brand."""
    photos = []
    for line in (folder / "labels.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        width, height = row["size"]
        clipped = [
            (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
            for x0, y0, x1, y1 in row["boxes"]
        ]
        boxes = tuple(b for b in clipped if b[2] - b[0] >= 4 and b[3] - b[1] >= 4)
        if boxes or row["brand"] is None:
            photos.append(Photo(folder / row["file"], row["brand"], boxes))
    return photos


def brands_of(photos: Sequence[Photo]) -> list[str]:
    return sorted({photo.brand for photo in photos if photo.brand is not None})


def pixels_of(photo: Photo) -> U8:
    return decode(photo.file.read_bytes(), str(photo.file))


def draw(photos: Sequence[Photo], shots: int, seed: int) -> list[int]:
    """Which photos of each brand are its examples; fewer of them are the first of more."""
    order = np.random.default_rng(seed).permutation(len(photos)).tolist()
    return [
        n
        for brand in brands_of(photos)
        for n in [n for n in order if photos[n].brand == brand][:shots]
    ]


class Galleries:
    """Galleries of one tagger; an example and the sheet of negatives are embedded once."""

    def __init__(self, tagger: Tagger, photos: Sequence[Photo]) -> None:
        self._tagger, self._photos = tagger, photos
        self._kept: dict[int, Example] = {}
        self._first: Gallery | None = None  # whose sheet and identity are those of all

    def of(self, chosen: Sequence[int]) -> Gallery:
        """As `edge-tag enroll --box` makes it, each example by the largest box of its photo."""
        brands = sorted({self._photos[n].brand or "" for n in chosen})
        tags = [
            Enrolled(brand, None, tuple(self._example(n) for n in chosen
                                        if self._photos[n].brand == brand))
            for brand in brands
        ]  # fmt: skip
        if self._first is None:
            self._first = new_gallery(self._tagger, tags[0])
        return learned_gallery(self._first.bundle, self._first.embedding, tags, self._first.none)

    def _example(self, n: int) -> Example:
        if n not in self._kept:
            box = max(self._photos[n].boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
            self._kept[n] = example(self._tagger, pixels_of(self._photos[n]), box)
        return self._kept[n]
