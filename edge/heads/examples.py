"""Pictures -> examples of a gallery, with the tagger that will look for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from edge.clock import utc_now
from edge.heads.gallery import Enrolled, Example, Gallery, learned_gallery
from edge.heads.gallery_file import unit
from edge.heads.negatives import negatives
from edge.heads.rows import embedding_id
from edge.heads.views import beside, parts, views
from edge.pictures.pixels import check
from edge.records import F32, U8, Box, Region
from edge.tagger import Tagger

SHEET = hashlib.sha256(b"the sheet of negatives that ships").hexdigest()


def example(tagger: Tagger, rgb: U8, box: Box | None = None, *, mirrored: bool = False) -> Example:
    """One picture of a tag, or the part of it in `box`; `mirrored` where it has no right way round.

    Raises UsageError for a box that is not in the picture, InferenceError when the engine fails,
    ValueError for an array that is no frame.
    """
    check(rgb)
    shown = _embedded(tagger, views(rgb, box, mirrored=mirrored))
    return Example(_digest(rgb, box), utc_now(), shown, _embedded(tagger, beside(rgb, box)))


def none_example(tagger: Tagger, rgb: U8) -> Example:
    """One picture that shows none of the tags. Raises as `example` does."""
    check(rgb)
    return Example(_digest(rgb, None), utc_now(), _embedded(tagger, parts(rgb)))


def new_gallery(
    tagger: Tagger, first: Enrolled, step: Callable[[], object] = lambda: None
) -> Gallery:
    """With one tag. Embeds the sheet of negatives, which takes as long as 144 looks; `step` is
    called before each.

    Raises UsageError for what a gallery does not hold, InferenceError when the engine fails.
    """
    sheet = Example(SHEET, utc_now(), _embedded(tagger, negatives(), step))
    return learned_gallery(tagger.bundle.id, embedding_id(tagger.bundle.manifest), [first], [sheet])


def _embedded(
    tagger: Tagger, pictures: Sequence[U8], step: Callable[[], object] = lambda: None
) -> F32:
    """(v, D), as a file keeps them."""
    if not pictures:
        return np.zeros((0, tagger.bundle.manifest.embedding_size), np.float32)
    rows = []
    for picture in pictures:
        step()
        rows.append(tagger.look(picture, [_all_of(picture)]).embedding)
    return unit(np.concatenate(rows))


def _all_of(rgb: U8) -> Region:
    """As a closer look resizes it."""
    height, width = rgb.shape[:2]
    return Region(0, 0, width, height, "crop")


def _digest(rgb: U8, box: Box | None) -> str:
    place = f"{rgb.shape[1]} {rgb.shape[0]} {box or 'whole'}\n"
    return hashlib.sha256(place.encode() + rgb.tobytes()).hexdigest()
