"""What the peers' rules share: motion, and things followed from frame to frame by their overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from edge.glance import gate
from edge.glance.heat import boxes_of
from edge.pictures import pixels
from edge.pictures.regions import shared
from edge.records import Box, Planes, Tag

ROWS = COLUMNS = 24
OVERLAPS = 0.2  # of the smaller box: the same thing


class Motion:
    """Boxes around what moved since the frame before."""

    def __init__(self) -> None:
        self._gate = gate.Gate()

    def boxes(self, picture: Planes) -> list[Box]:
        luma = pixels.luma_grid(picture)
        self._gate, moved = gate.moved(self._gate, luma, ROWS, COLUMNS)
        return list(boxes_of(moved, *pixels.size(picture)))


class Followed(msgspec.Struct):
    """A thing, as a peer knows it."""

    box: Box
    born: int  # frame
    seen: int  # frame in which it was matched last
    looks: int = 0
    votes: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    tags: tuple[Tag, ...] = ()  # of the last look
    looked: int = -1  # frame of the last look
    looked_px: int = 0  # area at the last look
    empty: int = 0  # detections in a row that found nothing there


def follow(things: list[Followed], boxes: Sequence[Box], frame: int) -> list[Followed]:
    """Move things to the boxes that are theirs, the most overlap first; the others are new.

    Changes `things`, and gives those that a box was found for.
    """
    pairs = sorted(
        ((shared(thing.box, box), i, j) for i, thing in enumerate(things)
         for j, box in enumerate(boxes)),
        reverse=True,
    )  # fmt: skip
    owners: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= OVERLAPS and i not in owners.values() and j not in owners:
            owners[j] = i
    matched = []
    for j, box in enumerate(boxes):
        thing = things[owners[j]] if j in owners else Followed(box, frame, frame)
        if j not in owners:
            things.append(thing)
        thing.box, thing.seen = box, frame
        matched.append(thing)
    return matched


def moved_to(tag: Tag, box: Box) -> Tag:
    """The tag, told where its thing is now."""
    return msgspec.structs.replace(tag, box=box)
