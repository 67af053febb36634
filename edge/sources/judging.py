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
GREY = (128, 128, 128)  # of a JPEG cut short
FILLINGS = ((0, 0, 0), GREY)  # luma, u, v; zeros: memory never written, which no camera gives
FILLINGS_RGB = ((0, 135, 0), (0, 136, 0), GREY)  # the same
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
    """Are its last rows missing, or all of them?"""
    if isinstance(picture, np.ndarray):
        return _ends_in([picture], FILLINGS_RGB)
    u_and_v = picture.chroma if len(picture.chroma) == 2 else np.moveaxis(picture.chroma[0], 2, 0)
    return _ends_in([picture.luma, *u_and_v], FILLINGS)


def _ends_in(planes: list[U8], fillings: tuple[tuple[int, int, int], ...]) -> bool:
    """In one of the fillings; grey all over may be a wall."""
    for filling in fillings:
        if _are_filled([plane[-_band(plane) :] for plane in planes], filling):
            is_wall = filling == GREY and _are_filled(planes, filling)
            return not is_wall
    return False


def _are_filled(planes: list[U8], filling: tuple[int, int, int]) -> bool:
    wanted = [filling] if len(planes) == 1 else filling
    return all(
        bool((_sampled(plane) == np.asarray(value, np.uint8)).all())
        for plane, value in zip(planes, wanted)
    )


def _band(plane: U8) -> int:
    """Its rows."""
    return max(1, int(len(plane) * BAND))


def _luma(picture: Picture) -> U8:
    """Of RGB, green is as good."""
    return picture[..., 1] if isinstance(picture, np.ndarray) else picture.luma


def _sampled(plane: U8) -> U8:
    height, width = plane.shape[:2]
    return plane[:: max(1, height // ROWS), :: max(1, width // COLUMNS)]
