"""supervision's InferenceSlicer with its defaults: 640 px slices that overlap by 100 px.

The slices are its own; the looks are made like everybody's. Package roboflow/supervision (MIT).
"""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Run, look_at
from benchmarks.peers import missing
from calib_data.composed import Composed
from edge.records import Region
from edge.tagger import Tagger

try:
    from supervision import InferenceSlicer
except ImportError as e:
    raise missing("supervision") from e


def slices(width: int, height: int) -> list[Region]:
    """The regions of a frame that InferenceSlicer calls back for, in its order."""
    slicer = InferenceSlicer(callback=lambda image: None)
    found = slicer._generate_offset((width, height), slicer.slice_wh, slicer.overlap_wh)
    return [Region(*(int(v) for v in box), "tile") for box in found]


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    height, width = scene.pixels.shape[:2]
    return Run(look_at(tagger, scene.pixels, slices(width, height)))
