"""CIELAB: (H, W, 3) sRGB -> L 0..100, a and b about -100..100 (CIE 15:2004, white of D65).

In two ways, for frames and for things. OpenCV's is six times as fast, but its first call makes
tables for 0.1 to 0.3 s, which no frame has to spare: `warm_up` makes them before the first one.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edge.records import F32, U8

TO_XYZ = np.array(  # of linear sRGB, each row over that of white
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    np.float32,
)
TO_XYZ /= TO_XYZ.sum(1, keepdims=True)
KNEE = (6 / 29) ** 3  # below it lightness falls in a straight line


def to_lab(rgb: U8) -> F32:
    """By OpenCV: for frames, where fish are measured."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def warm_up() -> None:
    """OpenCV's tables are there after this."""
    to_lab(np.zeros((1, 1, 3), np.uint8))


def to_lab_by_hand(rgb: U8) -> F32:
    """The same, to a half of one, ready at once: for the few pixels of a thing."""
    xyz = _linear()[rgb] @ TO_XYZ.T  # (H, W, 3) of white
    f = np.where(xyz > KNEE, np.cbrt(xyz), (xyz / KNEE * 8 + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@lru_cache(1)
def _linear() -> F32:
    """(256,) levels of sRGB as shares of light, 0..1 (IEC 61966-2-1)."""
    level = np.arange(256) / 255
    bent = ((level + 0.055) / 1.055) ** 2.4
    return np.where(level <= 0.04045, level / 12.92, bent).astype(np.float32)
