"""The frame that a benchmark looks at: a bundle's golden pictures on a shelf of noise."""

from __future__ import annotations

import cv2
import numpy as np

from edge.bundle.golden import picture_of
from edge.bundle.read import Bundle
from edge.records import U8

SIZE = 1920, 1080  # px
SEED = 20261122
THINGS = 12


def scene(bundle: Bundle, seed: int = SEED) -> U8:
    """(H, W, 3) RGB. The same for the same bundle and seed."""
    width, height = SIZE
    draw = np.random.default_rng(seed)
    coarse = draw.integers(96, 160, (height // 40, width // 40, 3), np.uint8)
    frame: U8 = np.asarray(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)
    pictures = [picture_of(bundle, golden) for golden in bundle.manifest.golden]
    for n in range(THINGS if pictures else 0):
        side = int(draw.integers(90, 200))
        x, y = (int(draw.integers(0, most - side)) for most in SIZE)
        small = cv2.resize(pictures[n % len(pictures)], (side, side), interpolation=cv2.INTER_AREA)
        frame[y : y + side, x : x + side] = small
    return frame
