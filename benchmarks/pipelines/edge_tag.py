"""edge-tag's own parts: only what is looked at becomes RGB, and the next tile is prepared while the
engine runs; `serial` does without the latter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.pipelines import NAMES, Done, Job, Kit, Raw
from edge.memory.fuse import fuse
from edge.records import Region, Tag


def overlapped(kit: Kit, job: Job) -> Done:
    engine_ms, tags, made = 0.0, [], []
    looks = kit.tagger.looks(job.planes, job.tiles)
    for look, tile, raw in zip(looks, job.tiles, job.raw):
        engine_ms += look.engine_ms
        made.append(look)
        tags += list(_tags(tile, raw))
    assert all(look.scores for look in made)
    return Done(engine_ms, len(fuse((), tags)))


def serial(kit: Kit, job: Job) -> Done:
    engine_ms, tags = 0.0, []
    for tile, raw in zip(job.tiles, job.raw):
        engine_ms += kit.tagger.look(job.planes, [tile]).engine_ms
        tags += list(_tags(tile, raw))
    return Done(engine_ms, len(fuse((), tags)))


def _tags(tile: Region, raw: Raw) -> Iterator[Tag]:
    corner = np.array([tile.x0, tile.y0] * 2, np.float32)
    boxes = (raw.boxes + corner).astype(int).tolist()
    for box, score, n in zip(boxes, raw.scores.tolist(), raw.classes.tolist()):
        yield Tag("clothes", NAMES[n], None, score, tuple(box))
