"""Crops: the boxes of photos that are no example, asked of a gallery; and crops without a logo."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, pstdev
from typing import Any

import msgspec
import numpy as np

from benchmarks.galleries.photos import Galleries, Photo, brands_of, draw, pixels_of
from edge.heads.gallery import Gallery
from edge.records import F32, Box, Region
from edge.tagger import Tagger

SHOTS = (1, 3, 5)  # examples a brand
FALSE_ACCEPTS = 0.05
NULLS = 6  # crops a picture without a logo
KNOWN = 5  # brands enrolled where the others are strangers


class Crops(msgspec.Struct, frozen=True, eq=False):
    """Crops, embedded once."""

    photos: list[int]  # the photo of each crop
    embeddings: F32  # (crops, D)


def on_crops(
    tagger: Tagger, photos: Sequence[Photo], seeds: Sequence[int]
) -> tuple[dict[str, Any], dict[str, dict[str, list[tuple[float, float]]]]]:
    """The numbers by examples a brand, and the lines of the plot."""
    crops, nulls = _boxes(tagger, photos), _nulls(tagger, photos)
    galleries = Galleries(tagger, photos)
    found: dict[str, Any] = {}
    lines: dict[str, list[tuple[float, float]]] = {}
    for shots in SHOTS:
        runs = []
        for seed in seeds:
            chosen = draw(photos, shots, seed)
            runs.append(_judged(galleries.of(chosen), photos, chosen, crops, nulls))
        found[str(shots)] = {
            key: [round(float(of([run[0][key] for run in runs])), 4) for of in (mean, pstdev)]
            for key in runs[0][0]
        }
        lines[f"{shots} example{'s' if shots > 1 else ''}"] = runs[0][1]
    found["strangers"] = round(mean(_strangers(galleries, photos, crops, s) for s in seeds), 4)
    return found, {"Crops: brand named right, by false accepts": lines}


def _judged(
    gallery: Gallery, photos: Sequence[Photo], chosen: Sequence[int], crops: Crops, nulls: Crops
) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """Shares, and recall by false accepts."""
    names = [name for name, _ in gallery.names]
    left = [n for n, photo in enumerate(crops.photos) if photo not in chosen]
    truth = np.array([names.index(photos[crops.photos[n]].brand or "") for n in left])
    rows = gallery.fit.probabilities(crops.embeddings[left])
    none = gallery.fit.probabilities(nulls.embeddings)[:, :-1].max(axis=1)
    right, sure = rows[:, :-1].argmax(axis=1) == truth, rows[:, :-1].max(axis=1)
    limit = np.quantile(none, 1 - FALSE_ACCEPTS)
    raw = _by_mean(gallery, crops.embeddings[left])
    curve = [
        (f, float((right & (sure > np.quantile(none, 1 - f))).mean()))
        for f in np.linspace(0, 0.2, 41)
    ]
    return {
        "top1": right.mean(),
        "recall": (right & (sure > limit)).mean(),
        "told_right": (right & (sure >= 0.5)).mean(),
        "told_wrong": (~right & (sure >= 0.5)).mean(),
        "false_accepts": (none >= 0.5).mean(),
        "calibration_gap": abs(float(right[sure >= 0.5].mean() - sure[sure >= 0.5].mean())),
        "top1_by_mean": (raw == truth).mean(),
    }, curve


def _by_mean(gallery: Gallery, embeddings: F32) -> Any:
    """The plain way, for comparison: the nearest mean of a brand's boxes, by cosine."""
    means = np.stack([np.mean([e.views[0] for e in one.examples], axis=0) for one in gallery.tags])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return (embeddings @ means.T).argmax(axis=1)


def _strangers(galleries: Galleries, photos: Sequence[Photo], crops: Crops, seed: int) -> float:
    """How many crops of brands that are not enrolled are taken for one that is."""
    brands = np.random.default_rng(seed).permutation(brands_of(photos)).tolist()[:KNOWN]
    chosen = [n for n in draw(photos, SHOTS[-1], seed) if photos[n].brand in brands]
    gallery = galleries.of(chosen)
    others = [n for n, photo in enumerate(crops.photos) if photos[photo].brand not in brands]
    rows = gallery.fit.probabilities(crops.embeddings[others])
    return float((rows[:, :-1].max(axis=1) >= 0.5).mean())


def _boxes(tagger: Tagger, photos: Sequence[Photo]) -> Crops:
    """Every box of every brand."""
    places = [(n, box) for n, photo in enumerate(photos) for box in photo.boxes]
    return _embedded(tagger, photos, [p for p in places if photos[p[0]].brand is not None])


def _nulls(tagger: Tagger, photos: Sequence[Photo]) -> Crops:
    """Crops of pictures without a logo, of the sizes and shapes that logos have."""
    rng = np.random.default_rng(0)
    places = []
    for n, photo in enumerate(photos):
        if photo.brand is None:
            height, width = pixels_of(photo).shape[:2]
            for _ in range(NULLS):
                wide = int(np.clip(width * rng.uniform(0.15, 0.7), 24, width))
                tall = int(np.clip(wide * np.exp(rng.normal(0, 0.5)), 24, height))
                x, y = (int(rng.integers(room + 1)) for room in (width - wide, height - tall))
                places.append((n, (x, y, x + wide, y + tall)))
    return _embedded(tagger, photos, places)


def _embedded(tagger: Tagger, photos: Sequence[Photo], places: Sequence[tuple[int, Box]]) -> Crops:
    rows = []
    for number in dict.fromkeys(n for n, _ in places):
        rgb = pixels_of(photos[number])
        regions = [Region(*box) for n, box in places if n == number]
        rows.append(tagger.look(rgb, regions).embedding)
    return Crops([n for n, _ in places], np.concatenate(rows))
