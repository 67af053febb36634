"""The whole frame at one look: what a tagger does that was not made for detail."""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Run, look_at
from calib_data.composed import Composed
from edge.records import Region
from edge.tagger import Tagger


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    height, width = scene.pixels.shape[:2]
    return Run(look_at(tagger, scene.pixels, [Region(0, 0, width, height, "full")]))
