"""A drawn canvas as a camera would give it: the crop that a network sees, and its truth."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from calib_data.camera import photograph
from edge.records import F32, U8
from quantize.fish import strewn

Rng = np.random.Generator
MASK, ANY = 1, 2  # bits of `Crop.planes`


class Crop(msgspec.Struct, frozen=True, eq=False):
    """A crop as the network sees it, and its truth."""

    seen: U8  # (side, side, 3)
    planes: U8  # (side, side): MASK where the fish that is meant shows, ANY where any does
    is_hidden: bool  # something lies over a part of the fish that is meant
    is_far: bool  # a frame as a whole: none is meant


def planes_of(meant: F32, every: F32) -> U8:
    """What shows of the fish that is meant, and of any, each (side, side) 0..1."""
    return ((meant >= 0.5) * MASK + (every >= 0.5) * ANY).astype(np.uint8)


def shot(rng: Rng, canvas: F32) -> U8:
    """As a camera gives it: light, blur, noise, and half of them as a coarse JPEG."""
    strewn.lit(rng, canvas)
    canvas = np.clip(canvas, 0, 1) ** rng.uniform(0.7, 1.5)
    seen = photograph(rng, canvas.astype(np.float32), rng.uniform(0, 1.0), rng.uniform(0.002, 0.03))
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return seen


def rimmed(rng: Rng, seen: U8, planes: U8) -> tuple[U8, U8]:
    """As near the frame's rim, on one side or on both, above and below or left and right."""
    above, below = (int(seen.shape[0] * rng.choice([0, rng.uniform(0, 0.25)])) for _ in range(2))
    if rng.random() < 0.5:
        return beyond(seen, planes, above, below)
    turned = beyond(seen.swapaxes(0, 1), planes.T, above, below)
    return np.ascontiguousarray(turned[0].swapaxes(0, 1)), np.ascontiguousarray(turned[1].T)


def beyond(seen: U8, planes: U8, above: int, below: int) -> tuple[U8, U8]:
    """No frame is square: what is beyond it is its rim again, and no fish."""
    side = len(seen)
    rows = np.clip(np.arange(side), above, side - below - 1)
    seen, planes = seen[rows], planes[rows]
    planes[:above], planes[side - below :] = 0, 0
    return seen, planes
