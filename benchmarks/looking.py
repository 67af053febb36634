"""A look, as everybody makes it: same session, same thresholds, one region a launch."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from edge.heads.scores import tags_for
from edge.records import Box, Picture, Region, Tag
from edge.tagger import Tagger


class Look(msgspec.Struct, frozen=True):
    """One region looked at."""

    region: Region
    engine_ms: float
    tags: tuple[Tag, ...]  # above the bundle's thresholds


class Run(msgspec.Struct, frozen=True):
    """What a contender did with one frame."""

    looks: tuple[Look, ...]  # in the order made
    before_ms: float = 0.0  # inside the engine before the first of them: a glance
    is_timed: bool = True  # False: it did more than it counts, so wall time says nothing
    is_unordered: bool = False  # the order of its looks is chance: the mean over all orders counts


def look_at(tagger: Tagger, picture: Picture, regions: Iterable[Region]) -> tuple[Look, ...]:
    """Look at each region in turn."""
    return tuple(_look(tagger, picture, region) for region in regions)


def _look(tagger: Tagger, picture: Picture, region: Region) -> Look:
    looks = tagger.look(picture, [region])
    tags = [
        tag
        for head in tagger.heads
        for tag in tags_for(head, tagger.tags[head.name], looks.scores[head.name][0], region.box)
    ]
    return Look(region, looks.engine_ms, tuple(tags))


def around(x: float, y: float, side: float, width: int, height: int) -> Region:
    """The square of `side` px about a point, moved so that it lies in the frame."""
    px = max(1, min(round(side), width, height))
    x0 = min(max(0, round(x - px / 2)), width - px)
    y0 = min(max(0, round(y - px / 2)), height - px)
    return Region(x0, y0, x0 + px, y0 + px, "crop")


def square(box: Box, side: float, width: int, height: int) -> Region:
    """The square of `side` px about the middle of a box, inside the frame."""
    return around((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, width, height)


def longest(box: Box) -> int:
    """Its longer side, px."""
    return max(box[2] - box[0], box[3] - box[1])
