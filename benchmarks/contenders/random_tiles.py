"""Tiles of 640 px anywhere, as many as SAHI's 32: what the order of looks is worth at all."""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Run, look_at
from calib_data.composed import Composed
from edge.records import Region
from edge.tagger import Tagger

COUNT, SIDE_PX = 32, 640


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    height, width = scene.pixels.shape[:2]
    return Run(look_at(tagger, scene.pixels, tiles(width, height, draw)), is_unordered=True)


def tiles(width: int, height: int, draw: np.random.Generator) -> list[Region]:
    """Squares drawn uniformly, all inside the frame."""
    side = min(SIDE_PX, width, height)
    left = draw.integers(0, width - side + 1, COUNT)
    top = draw.integers(0, height - side + 1, COUNT)
    return [Region(int(x), int(y), int(x) + side, int(y) + side, "tile") for x, y in zip(left, top)]
