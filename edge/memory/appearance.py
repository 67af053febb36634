"""Whether a thing looks different from when it was last looked at, by a few samples of brightness.
Cheap enough for every thing that moved: the pixels of a 4K frame are not touched, only the thing's.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.records import F32, Box, Picture, Planes

SIDE = 12  # px of a patch
SHIFTED = 1  # px of a patch: boxes tremble
FINE, INNER = 48, 32  # px, where detail is measured: not at the edges of the thing
MOST_PX = 96  # on a side: a larger thing is sampled, not read
CHANGED = 0.35  # 1 - correlation: above it is another thing, or another side of it
FLAT = 4.0  # luma levels: a patch that varies less shows nothing to compare
LOOKS = 4  # different ones that a thing is known by: it turns, and boxes tremble
SHARPER = 2.0  # times the detail it had
TRACE = 20.0  # of detail: so much and more can come from noise alone


def patch(picture: Picture, box: Box) -> F32:
    """(SIDE * SIDE + 1,): brightness of `box`, row by row, then how much fine detail it shows."""
    grey = _grey(picture, box).astype(np.float32)
    # At one size, or a thing that goes away would seem to gain detail; and noise is none.
    how = cv2.INTER_LINEAR if min(grey.shape) < FINE else cv2.INTER_AREA
    fine = cv2.resize(grey, (FINE, FINE), interpolation=how)
    edge = (FINE - INNER) // 2
    edges = cv2.Laplacian(cv2.GaussianBlur(fine, (3, 3), 0), cv2.CV_32F)
    small = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.append(small.ravel(), edges[edge:-edge, edge:-edge].var())


def is_new(known: Sequence[F32], now: F32) -> bool:
    """It looks as it never did, or shows more detail."""
    return all(is_changed(before, now) for before in known)


def with_new(known: tuple[F32, ...], now: F32) -> tuple[F32, ...]:
    """The looks it is known by, of which this is one."""
    return (*known, now)[-LOOKS:] if is_new(known, now) else known


def is_changed(before: F32, now: F32) -> bool:
    """It looks different, or shows more detail than it did."""
    is_sharper = bool(now[-1] > SHARPER * before[-1] + TRACE)
    return is_sharper or 1 - _likeness(before[:-1], now[:-1]) > CHANGED


def _likeness(before: F32, now: F32) -> float:
    """Correlation at the best shift, -1..1; in whatever light."""
    middle = before.reshape(SIDE, SIDE)[SHIFTED:-SHIFTED, SHIFTED:-SHIFTED]
    is_flat = float(middle.std()) < FLAT, float(now.std()) < FLAT
    if any(is_flat):
        return float(all(is_flat))
    found = cv2.matchTemplate(
        now.reshape(SIDE, SIDE), np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED
    )
    return float(np.nan_to_num(found).max())


def _grey(picture: Picture, box: Box) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    x0, y0, x1, y1 = box
    step = max(1, max(x1 - x0, y1 - y0) // MOST_PX)
    if isinstance(picture, Planes):
        return np.ascontiguousarray(picture.luma[y0:y1:step, x0:x1:step])
    return np.ascontiguousarray(picture[y0:y1:step, x0:x1:step, 1])  # green is nearly brightness
