"""The newest frame of a source, as a picture and as a point of the plots."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from edge.pictures import pixels
from edge.records import FrameTags, Picture, Region
from edge.seen import Looked, Skipped

QUALITY = 80


class Shot(msgspec.Struct, frozen=True, eq=False):
    """The newest frame of a source."""

    number: int  # of all frames of the run
    result: FrameTags
    picture: Picture | None  # None: nobody looked
    looks: tuple[Looked, ...]
    skipped: tuple[Skipped, ...]
    budget_ms: float
    age_ms: float  # from its picture to its tags


def point(shot: Shot) -> Mapping[str, float]:
    """What the plots show of a frame."""
    spent, shed = shot.result.spent, sum(shot.result.shed.values())
    budget = {"budget_ms": shot.budget_ms} if np.isfinite(shot.budget_ms) else {}
    return {
        "total_ms": spent.total_ms,
        "engine_ms": spent.engine_ms,
        "looks": spent.crops,
        "shed": shed,
        "age_ms": round(shot.age_ms, 1),
        **budget,
    }


def encoded(picture: Picture, longest_px: int) -> bytes:
    """A JPEG of the whole picture, made smaller where it is larger than that."""
    width, height = pixels.size(picture)
    share = longest_px / max(width, height)
    if share >= 1:
        return pixels.jpeg(pixels.rgb(picture), QUALITY)
    small = np.empty((_even(height * share), _even(width * share), 3), np.uint8)
    pixels.shrink_into(picture, Region(0, 0, width, height, "full"), small)
    return pixels.jpeg(small, QUALITY)


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
