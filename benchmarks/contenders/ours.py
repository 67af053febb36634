"""edge-tag itself: `tag_frame` on a picture never seen before, no budget, looks in its order."""

from __future__ import annotations

import numpy as np

from benchmarks.looking import Look, Run
from calib_data.composed import Composed
from edge.frames import tag_frame
from edge.memory.known import Memory
from edge.seen import View
from edge.tagger import Tagger


def run(tagger: Tagger, scene: Composed, draw: np.random.Generator) -> Run:
    seen = tag_frame(tagger, scene.pixels, View(), Memory())
    looks = tuple(Look(look.region, look.engine_ms, look.tags) for look in seen.looks)
    glance_ms = seen.spent.engine_ms - sum(look.engine_ms for look in looks)
    return Run(looks, before_ms=max(0.0, glance_ms))
