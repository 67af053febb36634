"""Brands enrolled with a few pictures, on photos nobody learned: `python -m benchmarks.gallery`.

Crops: so many examples a brand are enrolled as `edge-tag enroll --box` does it, and the boxes of
all other pictures are asked for. "No logo" crops are cut at random from pictures without any.
Whole pictures: the same gallery in `edge-tag`, which has to find the logo itself. Any bundle
(`--bundle`), any folder with a `labels.jsonl` of `file`, `brand` (null: no logo) and `boxes`
(`--logos`). Nothing is tuned on these pictures. The report goes into benchmarks/results: JSON, a
table, a plot; no picture of the data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, pstdev
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from benchmarks.drawing import line_panels
from benchmarks.gallery_table import markdown
from benchmarks.machine import RESULTS, machine, write_json
from edge.frames import tag_frame
from edge.heads.added import gallery_head
from edge.heads.enroll import example, new_gallery
from edge.heads.gallery import Enrolled, Example, Gallery, made
from edge.pictures.pixels import decode
from edge.records import F32, U8, Box, Region
from edge.tagger import Tagger, open_tagger

SHOTS = (1, 3, 5)  # examples a brand
FALSE_ACCEPTS = 0.05
NULLS = 6  # crops a picture without a logo
KNOWN = 5  # brands enrolled where the others are strangers
TARGETS = {"top1": 0.85, "recall": 0.70, "whole": 0.70}


class Photo(msgspec.Struct, frozen=True):
    """A labelled picture."""

    file: Path
    brand: str | None
    boxes: tuple[Box, ...]  # inside the picture


class Asked(msgspec.Struct, frozen=True, eq=False):
    """Crops, embedded once."""

    photos: list[int]  # the photo of each crop
    embeddings: F32  # (crops, D)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logos", type=Path, default=Path("../shared/data/logos"))
    parser.add_argument("--bundle")
    parser.add_argument("--engine")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the examples")
    parser.add_argument("--whole", type=int, default=100, help="whole pictures a brand, at most")
    parser.add_argument("--whole-seeds", type=int, default=3, help="draws for whole pictures")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    photos = read_photos(args.logos)
    with open_tagger(args.bundle, args.engine, threads=1) as tagger:
        found |= {"bundle": tagger.bundle.id, "engine": tagger.engine}
        crops, lines = on_crops(tagger, photos, range(args.seeds))
        found |= {"brands": len(brands_of(photos)), "crops": crops}
    found["whole"] = []
    for seed in range(args.whole_seeds):
        with open_tagger(args.bundle, args.engine, threads=1) as tagger:
            found["whole"].append(on_whole(tagger, photos, args.whole, seed))
    found["targets"] = targets(found)
    write_json(args.out / "gallery.json", found)
    (args.out / "gallery.md").write_text(markdown(found), "utf-8")
    line_panels(args.out / "gallery.png", lines, "no-logo crops taken for a brand", "named right")
    sys.stdout.write(markdown(found))
    return 0


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


# Crops.


def on_crops(
    tagger: Tagger, photos: Sequence[Photo], seeds: Sequence[int]
) -> tuple[dict[str, Any], dict[str, dict[str, list[tuple[float, float]]]]]:
    """The numbers by examples a brand, and the lines of the plot."""
    asked, nulls = _boxes(tagger, photos), _nulls(tagger, photos)
    enrolled: dict[int, Example] = {}
    found: dict[str, Any] = {}
    lines: dict[str, list[tuple[float, float]]] = {}
    for shots in SHOTS:
        runs = []
        for seed in seeds:
            chosen = draw(photos, shots, seed)
            gallery = _enrolled(tagger, photos, chosen, enrolled)
            runs.append(_judged(gallery, photos, chosen, asked, nulls))
        found[str(shots)] = {
            key: [round(float(of([run[0][key] for run in runs])), 4) for of in (mean, pstdev)]
            for key in runs[0][0]
        }
        lines[f"{shots} example{'s' if shots > 1 else ''}"] = runs[0][1]
    found["strangers"] = round(
        mean(_strangers(tagger, photos, asked, s, enrolled) for s in seeds), 4
    )
    return found, {"Crops: brand named right, by false accepts": lines}


def draw(photos: Sequence[Photo], shots: int, seed: int) -> list[int]:
    """Which photos of each brand are its examples; fewer of them are the first of more."""
    order = np.random.default_rng(seed).permutation(len(photos)).tolist()
    return [
        n
        for brand in brands_of(photos)
        for n in [n for n in order if photos[n].brand == brand][:shots]
    ]


def _enrolled(
    tagger: Tagger, photos: Sequence[Photo], chosen: Sequence[int], kept: dict[int, Example]
) -> Gallery:
    """As `edge-tag enroll --box` makes it, each example by the largest box of its photo."""
    for n in chosen:
        if n not in kept:
            box = max(photos[n].boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
            kept[n] = example(tagger, pixels_of(photos[n]), box)
    brands = sorted({photos[n].brand or "" for n in chosen})
    tags = [
        Enrolled(brand, None, tuple(kept[n] for n in chosen if photos[n].brand == brand))
        for brand in brands
    ]
    return _with_sheet(tagger, tags)


def _with_sheet(tagger: Tagger, tags: Sequence[Enrolled]) -> Gallery:
    """Sheet and identity are the tagger's; the sheet is embedded once."""
    if tagger not in SHEETS:
        SHEETS[tagger] = new_gallery(tagger, tags[0])
    first = SHEETS[tagger]
    return made(first.bundle, first.embedding, tags, first.none)


SHEETS: dict[Tagger, Gallery] = {}


def _judged(
    gallery: Gallery, photos: Sequence[Photo], chosen: Sequence[int], asked: Asked, nulls: Asked
) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """Shares, and recall by false accepts."""
    names = [name for name, _ in gallery.names]
    left = [n for n, photo in enumerate(asked.photos) if photo not in chosen]
    truth = np.array([names.index(photos[asked.photos[n]].brand or "") for n in left])
    rows = gallery.fit.probabilities(asked.embeddings[left])
    none = gallery.fit.probabilities(nulls.embeddings)[:, :-1].max(axis=1)
    right, sure = rows[:, :-1].argmax(axis=1) == truth, rows[:, :-1].max(axis=1)
    limit = np.quantile(none, 1 - FALSE_ACCEPTS)
    raw = _by_mean(gallery, asked.embeddings[left])
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


def _strangers(
    tagger: Tagger, photos: Sequence[Photo], asked: Asked, seed: int, kept: dict[int, Example]
) -> float:
    """How many crops of brands that are not enrolled are taken for one that is."""
    brands = np.random.default_rng(seed).permutation(brands_of(photos)).tolist()[:KNOWN]
    chosen = [n for n in draw(photos, SHOTS[-1], seed) if photos[n].brand in brands]
    gallery = _enrolled(tagger, photos, chosen, kept)
    others = [n for n, photo in enumerate(asked.photos) if photos[photo].brand not in brands]
    rows = gallery.fit.probabilities(asked.embeddings[others])
    return float((rows[:, :-1].max(axis=1) >= 0.5).mean())


def _boxes(tagger: Tagger, photos: Sequence[Photo]) -> Asked:
    """Every box of every brand."""
    places = [(n, box) for n, photo in enumerate(photos) for box in photo.boxes]
    return _embedded(tagger, photos, [p for p in places if photos[p[0]].brand is not None])


def _nulls(tagger: Tagger, photos: Sequence[Photo]) -> Asked:
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


def _embedded(tagger: Tagger, photos: Sequence[Photo], places: Sequence[tuple[int, Box]]) -> Asked:
    rows = []
    for number in dict.fromkeys(n for n, _ in places):
        rgb = pixels_of(photos[number])
        regions = [Region(*box) for n, box in places if n == number]
        rows.append(tagger.look(rgb, regions).embedding)
    return Asked([n for n, _ in places], np.concatenate(rows))


# Whole pictures.


def on_whole(tagger: Tagger, photos: Sequence[Photo], most: int, seed: int) -> dict[str, Any]:
    """Five examples a brand, then `edge-tag` on every other picture, at most `most` a brand."""
    chosen = draw(photos, SHOTS[-1], seed)
    tagger.add(gallery_head(_enrolled(tagger, photos, chosen, {})))
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


def targets(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was wanted, what was measured, whether it is met."""
    five = found["crops"][str(SHOTS[-1])]
    named = round(mean(run["named"] for run in found["whole"]), 4) if found["whole"] else 0.0
    got = {"top1": five["top1"][0], "recall": five["recall"][0], "whole": named}
    return {
        key: {"wanted": wanted, "measured": got[key], "is_met": got[key] >= wanted}
        for key, wanted in TARGETS.items()
    }


if __name__ == "__main__":
    sys.exit(main())
