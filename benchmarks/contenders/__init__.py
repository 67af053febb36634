"""Ways to look at a frame with one and the same tagger: ours, the peers', and the limits of both.

A contender is a module with one function of this shape; its vendor is imported there alone:

    run(tagger, scene, draw) -> Run
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import peers
from benchmarks.looking import Run
from calib_data.composed import Composed
from edge.tagger import Tagger

Contender = Callable[[Tagger, Composed, np.random.Generator], Run]

TABLE: dict[str, str] = {  # name -> module:function
    "ours": "ours:run",
    "full": "full_frame:run",
    "sahi640": "sahi_slices:run_640",
    "sahi512": "sahi_slices:run_512",
    "sahi320": "sahi_slices:run_320",
    "supervision": "supervision_slices:run",
    "random": "random_tiles:run",
    "frigate": "frigate_grid:run",
    "oracle": "oracle:boxes",
    "oracle_tight": "oracle:boxes_tight",
    "hindsight": "oracle:hindsight",
}


def load(name: str) -> Contender:
    """The contender of that name. Raises UsageError when its package is not installed."""
    found: Contender = peers.load("contenders", TABLE[name])
    return found
