"""The limits: what can be reached by somebody who knows where everything is, and what is found.

`boxes` and `boxes_tight` know the true boxes: one crop a thing, the largest thing first. There are
two kinds of crop: a thing fills half its side, as a scheduler is often told to aim at, or all of
it, which suits a tagger that learnt from pictures of single things. The better of the two is the
oracle that ours is compared with.

`hindsight` knows the answers too: of both kinds of crops, and crops about groups of things, only
those that find something new are counted, the one that finds most first. Nobody can do better with
crops like these, and nobody could know how.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.looking import Look, Run, longest, look_at, square
from benchmarks.scoring import finds
from calib_data.composed import Composed
from edge.pictures.regions import union
from edge.records import Box, Region
from edge.tagger import Tagger

HALF, TIGHT = 0.5, 1.0  # of the crop's side
NEAR_PX, LARGEST_PX = 160, 640  # of groups


def boxes(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return Run(look_at(tagger, scene.pixels, about_things(scene, _true(scene), HALF)))


def boxes_tight(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return Run(look_at(tagger, scene.pixels, about_things(scene, _true(scene), TIGHT)))


def hindsight(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    every = [
        *about_things(scene, _true(scene), HALF),
        *about_things(scene, _true(scene), TIGHT),
        *about_groups(scene),
    ]
    looks = look_at(tagger, scene.pixels, every)
    return Run(best_order(scene, looks), is_timed=False)


def about_things(scene: Composed, boxes: Iterable[Box], fill: float) -> list[Region]:
    """One crop a thing, the largest first: they are the easiest to name."""
    return [
        _crop(scene, box, longest(box) / fill) for box in sorted(boxes, key=longest, reverse=True)
    ]


def about_groups(scene: Composed) -> list[Region]:
    """One crop for all things of a group, where there are several."""
    held = [union(group) for group in groups(_true(scene)) if len(group) > 1]
    return [_crop(scene, box, longest(box) * 1.05) for box in held if longest(box) <= LARGEST_PX]


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


def _true(scene: Composed) -> list[Box]:
    return [placed.box for placed in scene.placed]


def _crop(scene: Composed, box: Box, side: float) -> Region:
    height, width = scene.pixels.shape[:2]
    return square(box, side, width, height)


def _gap(a: Box, b: Box) -> int:
    """Px between two boxes, the larger of across and down; 0 when they overlap."""
    across = max(a[0], b[0]) - min(a[2], b[2])
    down = max(a[1], b[1]) - min(a[3], b[3])
    return max(across, down, 0)
