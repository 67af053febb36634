"""What could be looked at, and what a look at it may say. Pure: boxes in, arrays out.

An item is a thing, or a piece of the frame, that is worth something to settle. A candidate is a
region a look could go to. Every region maps to the one input shape of the artifact, so its side is
what decides how large a thing appears.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from edge.glance.heat import boxes_of
from edge.pictures.regions import within
from edge.records import F32, Box, Region
from edge.schedule.plan import EXPLORING, MOST, NOTHING, Question

Why = Literal["glance", "track", "heat", "moved", "part", "aged"]

LEAST_PX = 24  # side of a crop: less is a blur
FILLS = 0.95  # of a crop's side: half of that is named a quarter as often, a little more is cut off
# Looks at a still thing alternate: what is not named so may be otherwise, and is another view.
OTHERWISE = (FILLS, 0.65)
WHOLE = 0.7  # of a thing: a look that holds less of it does not count
# How often a look is right about a thing that fills so much of its crop's side: the bundle, on
# things of 24 to 160 px in composed 4K scenes, each looked at alone (`python -m benchmarks.fills`).
SHARE = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
RIGHT = (0.0, 0.09, 0.2, 0.33, 0.46, 0.55, 0.58, 0.6, 0.61)
COVERS, WITHIN = 0.3, 0.6  # of what moved, by a thing; of a thing, in it
NAMED = 0.5  # of the things that a glance at a part shows anew: so many a look then names


class Item(msgspec.Struct, frozen=True):
    """Something that a look could settle."""

    box: Box
    worth: float  # of settling it
    why: Why
    due_s: float = 0.0  # past its time; 0 or less is not overdue
    track: int | None = None  # id
    looks: int = 0  # that were made at it
    moved_tile: bool = False  # of the sweep, in which much moved: more than one crop could show

    @property
    def is_tile(self) -> bool:
        """Is it looked at as it is, and what a look says said of the place?"""
        return self.why == "aged" or self.moved_tile


class Candidate(msgspec.Struct, frozen=True):
    """A region that could be looked at, for the sake of an item."""

    region: Region
    item: int  # the one it was cut for


def crop_around(box: Box, width: int, height: int, fills: float = FILLS) -> Region:
    """The square whose side `box` fills to `fills`, inside the frame; one shape at the input."""
    longest = max(box[2] - box[0], box[3] - box[1])
    side = max(LEAST_PX, math.ceil(longest / fills))
    wide, tall = min(side, width), min(side, height)
    x0 = min(max(0, (box[0] + box[2] - wide) // 2), width - wide)
    y0 = min(max(0, (box[1] + box[3] - tall) // 2), height - tall)
    return Region(x0, y0, x0 + wide, y0 + tall, "crop")


def candidates(items: Sequence[Item], width: int, height: int) -> tuple[Candidate, ...]:
    """A crop an item; tiles are looked at as they are. The most promising MOST of them.

    A tenth of the places is for exploration, where there is so much to explore.
    """
    return tuple(Candidate(_region(items[i], width, height), i) for i in _best(items))


def question_of(
    items: Sequence[Item], chosen: Sequence[Candidate], cost_ms: float, part_ms: float = 0.0
) -> Question:
    """The arrays that `schedule.plan` takes.

    cost_ms  of a closer look
    part_ms  of a glance at a part, with the closer look without which it is for nothing
    """
    costs = [part_ms if items[c.item].why == "part" else cost_ms for c in chosen]
    return Question(
        worth=np.array([item.worth for item in items], np.float32),
        sees=sees(items, chosen),
        costs_ms=np.array(costs, np.float32),
        due=np.array([items[c.item].due_s for c in chosen], np.float32),
        explores=np.array([items[c.item].why == "aged" for c in chosen], bool),
    )


def sees(items: Sequence[Item], chosen: Sequence[Candidate]) -> F32:
    """(C, I): the chance that a look at each candidate settles each item.

    A head names one thing a look, so a look speaks of the thing it was made for and of no other,
    and where several share the crop, that one is named as likely as it is large. Of areas a look
    tells as much as it holds of them, and the less the larger it is itself: what moved is a thing.
    A glance at a part names nothing; what it is worth, closer looks must first make good.
    """
    found = np.zeros((len(chosen), len(items)), np.float32)
    if not items or not chosen:
        return found
    regions = np.array([c.region.box for c in chosen], np.float32)  # (C, 4)
    boxes = np.array([item.box for item in items], np.float32)  # (I, 4)
    is_area = np.array([item.why in ("aged", "moved") for item in items])  # (I,)
    held = _held(regions, boxes)  # (C, I) share of each item
    longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])  # (I,)
    sides = np.maximum(regions[:, 2] - regions[:, 0], regions[:, 3] - regions[:, 1])  # (C,)
    is_tile = np.array([item.is_tile for item in items])  # (I,)
    fills = np.minimum(1, longest / sides[:, None])  # (C, I)
    named = np.interp(fills, SHARE, RIGHT) / np.interp(FILLS, SHARE, RIGHT)
    detail = np.where(is_tile, fills**2, np.minimum(1, named))  # of what its own look would show
    found[:, is_area] = (held * detail)[:, is_area]
    rows, own = np.arange(len(chosen)), np.array([c.item for c in chosen])  # (C,)
    right = np.interp(longest[own] / sides, SHARE, RIGHT)
    area = np.where(is_area, 0, longest**2) * held  # (C, I)
    alone = area[rows, own] / np.maximum(area.sum(1), 1e-6)
    thing = right * alone * (held[rows, own] >= WHOLE)
    found[rows, own] = np.where(is_area[own], held[rows, own], thing)
    is_part = np.array([item.why == "part" for item in items])  # (I,)
    found[is_part[own]] = 0
    found[rows[is_part[own]], own[is_part[own]]] = NAMED
    return found


def moved_boxes(motion: F32, known: Sequence[Box], width: int, height: int) -> list[Box]:
    """Areas that moved and that no known thing explains."""
    return unexplained(boxes_of(motion, width, height), known)


def unexplained(boxes: Sequence[Box], known: Sequence[Box]) -> list[Box]:
    """Those that no known thing explains: it covers a part of one, or lies in it for the most. One
    that is beside where something moves may be another, or not where it was thought to be.
    """
    return [box for box in boxes if not any(_explains(thing, box) for thing in known)]


def _explains(thing: Box, moved: Box) -> bool:
    return within(moved, thing) >= COVERS or within(thing, moved) >= WITHIN


def _region(item: Item, width: int, height: int) -> Region:
    """Where a look for the sake of an item goes."""
    if item.why == "part":
        return Region(*item.box, "part")
    if item.is_tile:
        return Region(*item.box, "tile")
    return crop_around(item.box, width, height, OTHERWISE[item.looks % len(OTHERWISE)])


def _best(items: Sequence[Item]) -> list[int]:
    """Which items get a candidate: the longest overdue, then the worthiest."""
    order = sorted(range(len(items)), key=lambda i: (-max(items[i].due_s, 0.0), -items[i].worth))
    explored = [i for i in order if items[i].why == "aged"][: round(EXPLORING * MOST)]
    chosen = set(explored)
    chosen.update([i for i in order if i not in chosen][: MOST - len(explored)])
    return [i for i in order if i in chosen]


def _held(regions: F32, boxes: F32) -> F32:
    """(C, 4), (I, 4) -> (C, I): the share of each box that lies in each region."""
    wide, tall = (
        np.minimum(regions[:, None, n + 2], boxes[:, n + 2])
        - np.maximum(regions[:, None, n], boxes[:, n])
        for n in (0, 1)
    )
    inside = np.maximum(wide, 0) * np.maximum(tall, 0)  # (C, I)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(inside / np.maximum(area, 1), np.float32)


def missed(question: Question, found: Sequence[Candidate], made: Sequence[int]) -> list[int]:
    """Rows that would still bring something after the looks at the rows `made`: of items that had
    no look themselves.
    """
    left = np.prod(1 - question.sees[list(made)], axis=0)
    gains = question.sees.dot(question.worth * left)
    served = {found[row].item for row in made}
    return [n for n, c in enumerate(found) if c.item not in served and gains[n] > NOTHING]
