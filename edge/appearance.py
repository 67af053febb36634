"""Does a thing look different from when it was last looked at? A few brightness samples of it.

Cheap enough for every thing that moved: the pixels of a 4K frame are not touched, only the thing's.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.records import F32, Box, Picture, Planes

SIDE = 12  # px of a patch
MOST_PX = 96  # on a side: a larger thing is sampled, not read
CHANGED = 0.55  # 1 - correlation: above it is another thing, or another side of it
SHARPER = 1.6  # times the detail it had
TRACE = 20.0  # of detail: so much and more can come from noise alone


def patch(picture: Picture, box: Box) -> F32:
    """(SIDE * SIDE + 1,): brightness of `box` with mean 0 and length 1, then its detail."""
    grey = _grey(picture, box)
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (3, 3), 0)  # noise is no detail
    detail = float(cv2.Laplacian(smooth, cv2.CV_32F).var())
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = (small - small.mean()).ravel()
    flat /= max(1e-6, float(np.linalg.norm(flat)))
    return np.append(flat, np.float32(detail))


def is_changed(before: F32, now: F32) -> bool:
    """It looks different, or shows more detail than it did."""
    likeness = float(before[:-1] @ now[:-1])
    return 1 - likeness > CHANGED or bool(now[-1] > SHARPER * before[-1] + TRACE)


def _grey(picture: Picture, box: Box) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    x0, y0, x1, y1 = box
    step = max(1, max(x1 - x0, y1 - y0) // MOST_PX)
    if isinstance(picture, Planes):
        return np.ascontiguousarray(picture.luma[y0:y1:step, x0:x1:step])
    return np.ascontiguousarray(picture[y0:y1:step, x0:x1:step, 1])  # green is nearly brightness
