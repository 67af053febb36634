"""Frigate's rule for a picture without motion, written anew from its description.

Frigate looks at square regions of 1.35 times the longest side of what moved, of 320 px or more, and
at start at the cells of an 8 x 8 grid that held things before, eight of them a frame. In a still
nothing moves and nothing is known, so every cell is as good as another: all 64, in an order drawn
anew. That is more than Frigate would do in one frame; the curve shows what each further one gives.
Described in blakeblackshear/frigate (MIT), docs and source; ../shared/reference/performance.md 1.3.
"""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Run, around, look_at
from calib_data.composed import Composed
from edge.records import Region
from edge.tagger import Tagger

CELLS = 8  # a side
GROWN, LEAST_PX = 1.35, 320


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    height, width = scene.pixels.shape[:2]
    return Run(look_at(tagger, scene.pixels, cells(width, height, draw)))


def cells(width: int, height: int, draw: np.random.Generator) -> list[Region]:
    """A square region about each cell, in an order drawn anew."""
    wide, tall = width / CELLS, height / CELLS
    side = max(LEAST_PX, GROWN * max(wide, tall))
    order = draw.permutation(CELLS * CELLS)
    return [
        around((n % CELLS + 0.5) * wide, (n // CELLS + 0.5) * tall, side, width, height)
        for n in order
    ]
