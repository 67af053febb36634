"""What looks at places of one frame say together of the tags that were enrolled. Pure.

Many looks find something in any frame. A mark, though, is in several of the places that overlap
where it lies, and chance is not: so what a look says counts together with what the other look says
of the same tag that says most of it in the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.heads.scores import GALLERY, UNSURE, among
from edge.pictures.regions import area, is_like_in_size, shared
from edge.records import F32, Box, Tag

# Of 126 drawn pictures with a mark that nobody learned and 60 without (benchmarks/drawn_logos.py)
# this names 65 %, 4 wrongly, and one in 1 % of those without; a price for every place, the higher
# the more there are, as before this: 34, 0, 0.
OTHERS = 0.5  # what the other look counts
SHARES = 0.25  # of the smaller of two places: both show what is there
LEAST = -2.0  # log-odds of the other look: half of a mark is no proof against one that is sure
# Of the garments that tiles of one input named in 135 street photos, 27 % were in the box at a
# probability of 0.6 to 0.7, 38 % up to 0.9, and 72 % beyond; of those that usual tiles named, 77 %.
SURE = 0.9  # least of what a tile smaller than usual says: it often holds a piece of a thing
OVERLAPPED = (4 / 3) ** 2  # tiles that share a quarter of their side: so many more


class Place(msgspec.Struct, frozen=True, eq=False):
    """What the last look at it said."""

    seen_s: float
    tags: tuple[Tag, ...]  # alone, best first; the place is their box
    row: F32 | None = None  # (T + 1,) probabilities of what was enrolled; None: nothing was
    is_thing: bool = False  # looked at once: a second look says more than what is around it
    is_fine: bool = False  # a tile that is smaller than usual


def agreed(places: Mapping[Box, Place], size: tuple[int, int], heads: Sequence[Head],
           names: Mapping[str, Sequence[tuple[str, str | None]]], top_k: int | None,
           ) -> list[tuple[Place, Tag]]:  # fmt: skip
    """Every tag of every place; those enrolled with their score beside what others there say, and
    without those that others speak against, or that a small tile is not sure of: all of them, where
    the best `top_k` are asked for.

    size   of the frame, px
    heads  those that are on: what another said while it was is not told
    """
    passed: list[tuple[Place, Tag]] = []
    enrolled: list[tuple[Place, Tag]] = []
    on = {head.name for head in heads}
    for box, place in places.items():
        told = [tag for tag in place.tags if tag.head in on]
        mine = [tag for tag in told if tag.head == GALLERY]
        least = SURE if place.is_fine and top_k is None else 0.0
        passed += [(place, t) for t in told if t.head != GALLERY and t.score >= least]
        if mine and place.row is not None:
            others = _others(box, place, places)
            many = 1.0 if place.is_thing else many_in(size, box)
            for tag in mine:
                score = _score(place.row, _columns(tag, names[GALLERY]), others, many)
                enrolled.append((place, replace(tag, score=score)))
    if enrolled and top_k is None:
        enrolled = _best(enrolled, max(float(h.limits.max()) for h in heads if h.name == GALLERY))
    return passed + enrolled


def _best(said: Sequence[tuple[Place, Tag]], limit: float) -> list[tuple[Place, Tag]]:
    """Those that beat "none" and the limit; of two tags that places which overlap are told to show,
    the likelier.
    """
    kept: list[tuple[Place, Tag]] = []
    for place, tag in sorted(said, key=lambda one: -one[1].score):
        least = max(limit, UNSURE if tag.level == "group" else 0.5)
        if tag.score >= least and not any(_is_instead(tag, other) for _, other in kept):
            kept.append((place, tag))
    return kept


def _is_instead(tag: Tag, other: Tag) -> bool:
    """Is the other what is there, and not this? A place may show a detail of another one."""
    if tag.tag == other.tag or "group" in (tag.level, other.level):
        return False
    return shared(tag.box, other.box) >= SHARES and is_like_in_size(tag.box, other.box)


def _others(box: Box, place: Place, places: Mapping[Box, Place]) -> list[F32]:
    """What looks at other places that show the same said of what was enrolled. A thing that is a
    detail of a place is too small in it for the place to speak against it.
    """
    return [
        other.row
        for at, other in places.items()
        if at != box
        and other.row is not None
        and shared(at, box) >= SHARES
        and (not place.is_thing or is_like_in_size(at, box))
    ]


def many_in(size: tuple[int, int], box: Box) -> float:
    """How many places such as this one a frame of this size is; 1 for all of it."""
    whole, own = size[0] * size[1], area(box)
    return 1.0 if own >= whole else OVERLAPPED * whole / own


def _score(row: F32, own: Sequence[int], others: Sequence[F32], many: float) -> float:
    """Of these tags, beside what others say; without others it is one of many places."""
    if not others:
        return float(among(row, many)[own].sum())
    said = max(LEAST, *(_log_odds(other, own) for other in others))
    z = (1 - OTHERS) * _log_odds(row, own) + OTHERS * said
    return float(1 / (1 + np.exp(-z)))


def _columns(tag: Tag, names: Sequence[tuple[str, str | None]]) -> list[int]:
    """Which tags of the head a tag stands for: itself, or those of its group."""
    at = 1 if tag.level == "group" else 0
    return [n for n, name in enumerate(names) if name[at] == tag.tag]


def _log_odds(row: F32, own: Sequence[int]) -> float:
    """Of these tags over none."""
    p, none = max(float(row[own].sum()), 1e-9), max(float(row[-1]), 1e-9)
    return float(np.log(p / none))
