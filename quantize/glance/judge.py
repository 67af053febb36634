"""How well spots find things: recall among the hottest, and average precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edge.bundle.manifest import HeatMap
from edge.glance.heat import Spot, read
from edge.records import F32, Box
from quantize.glance.scenes import Example, ShownThing

NEAR = 0.75  # of a thing's longer side: a spot's middle this close to its own is on it


def precision(
    heat: Iterable[F32], geometry: Iterable[F32], spec: HeatMap, examples: Sequence[Example]
) -> float:
    """Average precision of the spots, 0..1. heat, geometry: a row of each output for each frame,
    read as the runtime reads them.
    """
    ranked: list[tuple[float, bool]] = []
    for h, g, example in zip(heat, geometry, examples, strict=True):
        spots = read(h, g, spec, *example.size).spots
        found = hits(spots, example.shown)
        ranked += [(s.heat, hit) for s, hit in zip(spots, found, strict=True)]
    return average_precision(ranked, sum(len(e.shown) for e in examples))


def hits(spots: Sequence[Spot], shown: Sequence[ShownThing]) -> list[bool]:
    """Of each spot, hottest first: whether it is the first on some thing."""
    free = list(shown)
    found = []
    for spot in spots:
        on = next((thing for thing in free if is_on(spot.box, thing.box)), None)
        if on is not None:
            free.remove(on)
        found.append(on is not None)
    return found


def is_on(spot: Box, thing: Box) -> bool:
    """Are the middles close, in sides of the thing?"""
    side = max(thing[2] - thing[0], thing[3] - thing[1])
    x, y = (spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2
    off_x, off_y = abs(x - (thing[0] + thing[2]) / 2), abs(y - (thing[1] + thing[3]) / 2)
    return max(off_x, off_y) <= NEAR * side


def average_precision(ranked: Sequence[tuple[float, bool]], things: int) -> float:
    """Area under precision over recall of (heat, hit) pairs of many frames; `things` in all."""
    if not things:
        return 0.0
    order = sorted(ranked, key=lambda pair: -pair[0])
    right = np.cumsum([hit for _, hit in order])
    precision = right / np.arange(1, len(order) + 1)
    is_hit = np.array([hit for _, hit in order], bool)
    return float(precision[is_hit].sum() / things)
