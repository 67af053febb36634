"""SAHI: the slices its own slicer gives, row by row, then one look at the whole frame.

`sahi.slicing.get_slice_bboxes`, overlap 0.2, as `get_sliced_prediction` calls it with
`perform_standard_pred`. Published: Akyon and others, arXiv 2202.06934; package obss/sahi (MIT).
"""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Run, look_at
from benchmarks.peers import missing
from calib_data.composed import Composed
from edge.records import Region
from edge.tagger import Tagger

try:
    from sahi.slicing import get_slice_bboxes
except ImportError as e:
    raise missing("sahi") from e

OVERLAP = 0.2


def slices(width: int, height: int, side_px: int) -> list[Region]:
    """The regions of a frame that SAHI looks at."""
    found = get_slice_bboxes(
        image_height=height,
        image_width=width,
        slice_height=side_px,
        slice_width=side_px,
        auto_slice_resolution=False,
        overlap_height_ratio=OVERLAP,
        overlap_width_ratio=OVERLAP,
    )
    return [*(Region(*box, "tile") for box in found), Region(0, 0, width, height, "full")]


def run_640(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return _run(tagger, scene, 640)


def run_512(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return _run(tagger, scene, 512)


def run_320(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    return _run(tagger, scene, 320)


def _run(tagger: Tagger, scene: Composed, side_px: int) -> Run:
    height, width = scene.pixels.shape[:2]
    return Run(look_at(tagger, scene.pixels, slices(width, height, side_px)))
