"""The tags of measured fish: of their own, and their length on tags about them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from msgspec.structs import replace

from edge.length.follow import Known, fused, moved
from edge.pictures.regions import clip, within
from edge.records import F64, Tag

HEAD, TAG = "length", "fish"
UNSURE = "unsure"  # its species
POINTS = 48  # of an outline, at most
PART = 0.5  # of a fish: so much of it lies in the box of a tag that is about it


def tag_of(fish: Known, at_s: float, size: tuple[int, int]) -> Tag | None:
    """With its length over all looks, where it should be now; None: out of the frame (W, H)."""
    dx, dy = moved(fish, at_s)
    x0, y0, x1, y1 = fish.looks[-1].box
    if not (0 <= (x0 + x1) / 2 + dx < size[0] and 0 <= (y0 + y1) / 2 + dy < size[1]):
        return None
    whole = fused(fish.looks)
    return Tag(
        head=HEAD,
        tag=TAG,
        group=None,
        score=whole.score,
        box=clip((x0 + dx, y0 + dy, x1 + dx, y1 + dy), *size),
        track=fish.id,
        looks=fish.count,
        age_s=at_s - fish.seen_s,
        state=fish.state,
        length_cm=round(whole.cm, 2),
        length_sd_cm=round(whole.sd_cm, 2),
        occluded=whole.is_occluded,
        outline=_outline(polygon(fish.looks[-1].outline), dx, dy, size),
    )


def length_in(tag: Tag, lengths: Sequence[Tag]) -> Tag | None:
    """That of the one fish in its box; of several nobody knows which."""
    inside = [length for length in lengths if within(length.box, tag.box) >= PART]
    return inside[0] if len(inside) == 1 else None


def with_length(tag: Tag, length: Tag | None) -> Tag:
    """Its numbers, on a tag about the same fish."""
    if length is None:
        return tag
    cm, sd_cm, occluded = length.length_cm, length.length_sd_cm, length.occluded
    return replace(tag, length_cm=cm, length_sd_cm=sd_cm, occluded=occluded)


def most(words: Sequence[str]) -> str:
    """The one that was said most often, of equals the first."""
    return max(words, key=Counter(words).__getitem__, default=UNSURE)


def polygon(line: F64) -> tuple[tuple[int, int], ...]:
    """An outline (M, 2) with POINTS of its corners at most, whole pixels."""
    exact = line.astype(np.float32)
    points, far = exact, 0.5
    while len(points) > POINTS:
        points = np.asarray(cv2.approxPolyDP(exact, far, True)[:, 0], np.float32)
        far *= 1.4
    return tuple((int(x), int(y)) for x, y in points.round())


def _outline(
    points: Sequence[tuple[int, int]], dx: int, dy: int, size: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    most_x, most_y = size[0] - 1, size[1] - 1
    return tuple((min(max(x + dx, 0), most_x), min(max(y + dy, 0), most_y)) for x, y in points)
