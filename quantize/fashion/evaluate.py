"""A checkpoint on the sets it was published for: recall both ways, categories, changed pictures.

Numbers with the description and from the picture alone are told apart: the description often
names the category.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.pictures import pixels
from edge.records import F32
from quantize.fashion import prompts
from quantize.fashion.candidates import WRONG, Queries
from quantize.fashion.categories import (
    CATEGORIES_48,
    SUB_CATEGORIES_121,
    labels_of,
    recognised,
)
from quantize.fashion.fashiongen import FashionGen, texts_of
from quantize.fashion.fashioniq import (
    Part,
    gallery_of,
    official_gallery,
    picture_file,
    read_pairs,
    recalls_of,
)
from quantize.fashion.opened import BATCH, Fashion
from quantize.fashion.recall import among, both_ways, members, summary, tied


def retrieval(fashion: Fashion, data: FashionGen) -> dict[str, Any]:
    """R@1, 5, 10 in per cent, both ways: full, and among 101 where there are products enough; and
    how often a picture alone tells its category.
    """
    owner, pictures = data.owner(), picture_vectors(fashion, data)
    cosines = pictures @ fashion.text_vectors(texts_of(data, owner)).T
    found: dict[str, Any] = {"full": both_ways(cosines, owner)}
    found["means"] = summary(found["full"])
    held = members(owner)
    if len(held) > WRONG:
        kinds = [data.row(pictures[0]).sub_category for pictures in held.values()]
        found |= _among_101(cosines, Queries(list(held.values()), kinds))
    return found | {"by picture alone": by_picture(fashion, data, pictures)}


def _among_101(cosines: F32, queries: Queries) -> dict[str, Any]:
    """Recall among 101, and how much of it may be luck: per cent of queries that end in a tie."""
    ways = {
        "image to text": (cosines, *queries.image_to_text()),
        "text to image": (cosines.T, *queries.text_to_image()),
    }
    return {
        "among 101": {way: among(*given) for way, given in ways.items()},
        "tied among 101": {way: tied(*given) for way, given in ways.items()},
    }


def categories(fashion: Fashion, data: FashionGen) -> dict[str, float]:
    """Of a category checkpoint, with descriptions as published: accuracy and F."""
    is_fine = fashion.network.config.classes == len(SUB_CATEGORIES_121)
    names, said, logits = [], [], []
    for index in tqdm(range(len(data)), "categories", disable=None):
        row = data.row(index)
        names.append(row.sub_category if is_fine else row.category)
        said.append(row.description)
    for i in range(0, len(data), BATCH):
        rows = range(i, min(i + BATCH, len(data)))
        pictures = [data.picture(row) for row in rows]
        logits.append(fashion.categories(pictures, said[i : i + BATCH]))
    listed = SUB_CATEGORIES_121 if is_fine else CATEGORIES_48
    return recognised(np.concatenate(logits), labels_of(names, listed))


def by_picture(fashion: Fashion, data: FashionGen, pictures: F32) -> dict[str, dict[str, float]]:
    """Of a network with vectors: which phrase is the nearest, "the image category is ..." and "the
    image sub category is ...". pictures (N, joint) of `picture_vectors`. Accuracy and F.
    """
    rows = [data.row(index) for index in range(len(data))]
    kinds = {
        "category": (CATEGORIES_48, [row.category for row in rows]),
        "sub category": (SUB_CATEGORIES_121, [row.sub_category for row in rows]),
    }
    found = {}
    for kind, (listed, names) in kinds.items():
        words = fashion.text_vectors([prompts.phrase(kind, name) for name in listed])
        cosines = np.asarray(pictures @ words.T, np.float32)
        found[kind] = recognised(cosines, labels_of(names, listed))
    return found


def changed(fashion: Fashion, folder: Path, part: Part, *, official: bool) -> dict[int, float]:
    """FashionIQ: R@1, 5, 10, 50 in per cent. official: the gallery of the split files, else of the
    pairs' own pictures, as FashionSAP published.
    """
    pairs = read_pairs(folder, part)
    names = official_gallery(folder, part) if official else gallery_of(pairs)
    gallery = np.concatenate(
        [fashion.image_vectors(_read(folder, names[i : i + BATCH])) for i in _starts(names)]
    )
    queries = np.concatenate(
        [
            fashion.query_vectors(
                _read(folder, [pair.candidate for pair in pairs[i : i + BATCH]]),
                [pair.captions for pair in pairs[i : i + BATCH]],
            )
            for i in _starts(pairs)
        ]
    )
    return recalls_of(queries, gallery, names, pairs)


def picture_vectors(fashion: Fashion, data: FashionGen) -> F32:
    """(pictures, joint)"""
    parts = []
    for i in tqdm(range(0, len(data), BATCH), "pictures", disable=None):
        rows = range(i, min(i + BATCH, len(data)))
        parts.append(fashion.image_vectors([data.picture(row) for row in rows]))
    return np.concatenate(parts)


def _starts(items: Sequence[Any]) -> range:
    return range(0, len(items), BATCH)


def _read(folder: Path, names: Sequence[str]) -> list[Any]:
    files = [picture_file(folder, name) for name in names]
    return [pixels.decode(file.read_bytes(), str(file)) for file in files]
