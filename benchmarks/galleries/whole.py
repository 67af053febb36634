"""Whole pictures: the same gallery in `edge-tag`, which has to find the logo itself."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.galleries.crops import SHOTS
from benchmarks.galleries.photos import Galleries, Photo, brands_of, draw, pixels_of
from edge.frames import tag_frame
from edge.heads.added import gallery_head
from edge.tagger import Tagger


def on_whole(tagger: Tagger, photos: Sequence[Photo], most: int, seed: int) -> dict[str, Any]:
    """Five examples a brand, then `edge-tag` on every other picture, at most `most` a brand."""
    chosen = draw(photos, SHOTS[-1], seed)
    tagger.add(gallery_head(Galleries(tagger, photos).of(chosen)))
    right = wrong = false = pictures = without = 0
    took_ms, looks = [], []
    for photo in _some(photos, chosen, most):
        begin = perf_counter()
        seen = tag_frame(tagger, pixels_of(photo))
        took_ms.append((perf_counter() - begin) * 1e3)
        looks.append(len(seen.looks))
        said = {tag.tag for tag in seen.tags if tag.head == "gallery"}
        pictures += photo.brand is not None
        without += photo.brand is None
        right += photo.brand in said
        wrong += photo.brand is not None and bool(said - {photo.brand})
        false += photo.brand is None and bool(said)
    return {
        "pictures": pictures,
        "named": round(right / max(1, pictures), 4),
        "another_named": round(wrong / max(1, pictures), 4),
        "pictures_without": without,
        "named_without": round(false / max(1, without), 4),
        "looks": round(mean(looks or [0]), 1),
        "ms": round(float(np.median(took_ms or [0])), 1),
    }


def _some(photos: Sequence[Photo], chosen: Sequence[int], most: int) -> list[Photo]:
    left = [photo for n, photo in enumerate(photos) if n not in chosen]
    return [p for b in [*brands_of(photos), None] for p in [q for q in left if q.brand == b][:most]]
