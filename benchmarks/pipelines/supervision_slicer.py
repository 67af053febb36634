"""supervision's InferenceSlicer with its defaults, 640 px slices that overlap as SAHI's do.

`usual` feeds the network float planes, `straight` the bytes. Package roboflow/supervision (MIT).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2

from benchmarks.peers import missing
from benchmarks.pipelines import Done, Job, Kit
from edge.records import U8

try:
    from supervision import Detections, InferenceSlicer
except ImportError as e:
    raise missing("supervision") from e


def usual(kit: Kit, job: Job) -> Done:
    return _run(kit, job, kit.usual)


def straight(kit: Kit, job: Job) -> Done:
    return _run(kit, job, kit.straight)


def _run(kit: Kit, job: Job, infer: Callable[[U8], None]) -> Done:
    rgb = cv2.cvtColor(job.i420, cv2.COLOR_YUV2RGB_I420)
    given = iter(job.raw)

    def callback(tile: U8) -> Any:
        infer(tile)
        raw = next(given)
        if not len(raw.scores):
            return Detections.empty()
        return Detections(xyxy=raw.boxes, confidence=raw.scores, class_id=raw.classes)

    side = job.tiles[0].x1 - job.tiles[0].x0
    slicer = InferenceSlicer(callback, slice_wh=side, overlap_wh=side // 5)
    found = slicer(rgb)
    return Done(kit.taken_ms(), len(found))
