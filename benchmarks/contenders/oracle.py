"""The limit: true boxes, and hindsight of every result.

Crops are one a thing, and one about each group of things that are near each other. All are looked
at; those that find something are counted, the one that finds most first. Nobody who does not know
the answer can do better with crops of this kind. There are two kinds: a thing fills half the crop's
side, as schedulers are told to aim at, or nine tenths of it, which suits a tagger that learnt from
pictures of single things; the better one is the limit that ours is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.contenders.looking import Look, Run, around, look_at
from benchmarks.scoring import finds
from calib_data.composed import Composed
from edge.records import Box, Region
from edge.regions import union
from edge.tagger import Tagger

HALF, TIGHT = 0.5, 0.9  # of the crop's side
NEAR_PX, LARGEST_PX = 160, 640  # of groups


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return _run(tagger, scene, HALF)


def run_tight(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return _run(tagger, scene, TIGHT)


def _run(tagger: Tagger, scene: Composed, fill: float) -> Run:
    looks = look_at(tagger, scene.pixels, crops(scene, fill))
    return Run(best_order(scene, looks), is_timed=False)


def crops(scene: Composed, fill: float) -> list[Region]:
    """One a thing, and one a group of them."""
    height, width = scene.pixels.shape[:2]
    boxes = [p.box for p in scene.placed]
    wanted = [(box, _longest(box) / fill) for box in boxes]
    for group in groups(boxes):
        held = union(group)
        if len(group) > 1 and _longest(held) <= LARGEST_PX:
            wanted.append((held, _longest(held) * 1.05))
    return [around((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, side, width, height) for b, side in wanted]


def groups(boxes: Sequence[Box]) -> list[list[Box]]:
    """Boxes that hang together through gaps of at most NEAR_PX."""
    found: list[list[Box]] = []
    for box in boxes:
        near = [g for g in found if any(_gap(box, other) <= NEAR_PX for other in g)]
        rest = [g for g in found if not any(g is n for n in near)]
        found = [*rest, [box, *(b for g in near for b in g)]]
    return found


def best_order(scene: Composed, looks: Sequence[Look]) -> tuple[Look, ...]:
    """Those looks that find something not found before, always the one that finds most next."""
    left = [(look, finds(look, scene.placed)) for look in looks]
    chosen: list[Look] = []
    while left:
        best, gained = max(left, key=lambda item: len(item[1]))
        if not gained:
            break
        chosen.append(best)
        left = [(look, found - gained) for look, found in left if look is not best]
    return tuple(chosen)


def _longest(box: Box) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def _gap(a: Box, b: Box) -> int:
    """Px between two boxes, the larger of across and down; 0 when they overlap."""
    across = max(a[0], b[0]) - min(a[2], b[2])
    down = max(a[1], b[1]) - min(a[3], b[3])
    return max(across, down, 0)
