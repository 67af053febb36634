"""Is a picture one? Looked at before any engine sees it: a thousandth of its bytes, a few times.

- Frozen: the same bytes for so long. Samples, not means: the noise of a real sensor differs in each
  frame, and a mean would hide it.
- Half decoded: its last rows are all of the one colour with which decoders fill up what is missing,
  and what lies above is not.
- Resized: its size is not that of the picture before.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

from edge.pictures import pixels
from edge.records import U8, Picture

ROWS, COLUMNS = 90, 160  # samples, at most
BAND = 1 / 12  # of the height: missing rows that are told
FROZEN_S = 30.0  # a still life through H.264 may be the same for some groups of pictures


class Judge:
    """Of one source, over its reconnects too: what is frozen may stay so.

    frozen_s  so long may a picture be the same; 0: for ever
    """

    def __init__(self, frozen_s: float = FROZEN_S) -> None:
        self._frozen_s = frozen_s
        self._mark, self._since_s = -1, 0.0
        self._size: tuple[int, int] | None = None

    def resized(self, picture: Picture) -> str:
        """What changed, in words; empty when nothing did."""
        before, self._size = self._size, pixels.size(picture)
        if before in (None, self._size):
            return ""
        width, height = self._size
        return f"frames are now {width} x {height}, and were {before[0]} x {before[1]}"

    def frozen_s(self, picture: Picture, now_s: float) -> float:
        """For how long it has been the same, once that is too long; else 0."""
        mark = crc32(_sampled(_luma(picture)).tobytes())
        if mark != self._mark:
            self._mark, self._since_s = mark, now_s
        same_s = now_s - self._since_s
        return same_s if self._frozen_s and same_s >= self._frozen_s else 0.0


def is_half(picture: Picture) -> bool:
    """Are its last rows missing, or all of them? Grey all over may be a wall."""
    if isinstance(picture, np.ndarray):
        planes, is_green, is_grey = [picture], _is_green_rgb, _is_grey_rgb
    else:
        planes, is_green, is_grey = [picture.luma, *picture.chroma], _is_zero, _is_half_way
    band = _only([plane[-max(1, int(len(plane) * BAND)) :] for plane in planes])
    if band is None:
        return False
    return is_green(band) or (is_grey(band) and _only(planes) is None)


def _only(planes: list[U8]) -> list[int] | None:
    """The values of the one colour that all of it has; None where there are several."""
    values: list[int] = []
    for plane in map(_sampled, planes):
        first = plane[0, 0]
        if not (plane[-1] == first).all() or not (plane == first).all():  # most end at the first
            return None
        values += np.atleast_1d(first).tolist()
    return values


def _is_zero(values: list[int]) -> bool:
    """Luma, u, v: memory never written, which no camera gives."""
    return not any(values)


def _is_half_way(values: list[int]) -> bool:
    """What a JPEG that is cut short, or a lost reference, is filled up with."""
    return all(value == 128 for value in values)


def _is_green_rgb(values: list[int]) -> bool:
    """Zeros as RGB: 154 and 135 of BT.601, limited and full, 77 and 84 of BT.709."""
    return values[0] == values[2] == 0 and 70 <= values[1] <= 160


def _is_grey_rgb(values: list[int]) -> bool:
    return min(values) == max(values) and 127 <= values[0] <= 131


def _luma(picture: Picture) -> U8:
    """Of RGB, green is as good."""
    return picture[..., 1] if isinstance(picture, np.ndarray) else picture.luma


def _sampled(plane: U8) -> U8:
    height, width = plane.shape[:2]
    return plane[:: max(1, height // ROWS), :: max(1, width // COLUMNS)]
