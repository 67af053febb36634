"""Frigate's loop over regions, written anew from its description.

`regions`: as for its detector: the region alone is converted to RGB, resized, and sent to the
detector one by one and synchronously; at the end non-maximum suppression a label. `whole_frames`:
as for its classification of tracked objects, which converts the whole frame for each of them.
Described in blakeblackshear/frigate (MIT), docs, source and issue 6924;
../shared/reference/performance.md 1.3.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.pipelines import Done, Job, Kit
from edge.records import U8, Region

SAME = 0.4  # overlap above which the weaker result goes
WEAK = 0.2  # score


def regions(kit: Kit, job: Job) -> Done:
    height = job.i420.shape[0] * 2 // 3
    for tile in job.tiles:
        kit.straight(region_rgb(job.i420, tile, height))
    left = _consolidated(job)
    return Done(kit.taken_ms(), left)


def whole_frames(kit: Kit, job: Job) -> Done:
    for tile in job.tiles:
        rgb = cv2.cvtColor(job.i420, cv2.COLOR_YUV2RGB_I420)
        kit.straight(rgb[tile.y0 : tile.y1, tile.x0 : tile.x1])
    left = _consolidated(job)
    return Done(kit.taken_ms(), left)


def region_rgb(i420: U8, tile: Region, height: int) -> U8:
    """The pixels of a tile with even sides and corners, from the planes of a whole frame."""
    width = i420.shape[1]
    wide, tall = tile.x1 - tile.x0, tile.y1 - tile.y0
    part = np.empty((tall * 3 // 2, wide), np.uint8)
    part[:tall] = i420[tile.y0 : tile.y1, tile.x0 : tile.x1]
    quarter = height * width // 4
    for n in range(2):
        flat = i420.reshape(-1)[height * width + n * quarter :][:quarter]
        plane = flat.reshape(height // 2, width // 2)
        cut = plane[tile.y0 // 2 : tile.y1 // 2, tile.x0 // 2 : tile.x1 // 2]
        part[tall:].reshape(-1)[n * cut.size : (n + 1) * cut.size] = cut.ravel()
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _consolidated(job: Job) -> int:
    """How many results are left."""
    offsets = [np.array((t.x0, t.y0, t.x0, t.y0), np.float32) for t in job.tiles]
    boxes = np.concatenate([raw.boxes + off for raw, off in zip(job.raw, offsets)])
    scores = np.concatenate([raw.scores for raw in job.raw])
    labels = np.concatenate([raw.classes for raw in job.raw])
    kept = 0
    for label in np.unique(labels):
        mine = labels == label
        xywh = np.hstack([boxes[mine, :2], boxes[mine, 2:] - boxes[mine, :2]])
        kept += len(cv2.dnn.NMSBoxes(xywh.tolist(), scores[mine].tolist(), WEAK, SAME))
    return kept
