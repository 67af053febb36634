"""Privacy masks: pixels made black, in RGB and in planes alike, before anything sees them.

A mask is drawn once for each size of frame; after that a frame costs what its black pixels cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.config.records import Polygon
from edge.pictures import pixels
from edge.records import U8, NDArray, Picture, Planes

Mask = NDArray[np.bool_]
DARK, GREY = 16, 128  # black of limited range: its luma, its chroma


class Stencil:
    """The privacy masks of one camera. Not thread-safe."""

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        self._polygons = polygons
        self._size = 0, 0
        self._full: _Patch | None = None  # of luma, or RGB
        self._half: _Patch | None = None  # of chroma

    def cover(self, picture: Picture) -> Picture:
        """The picture with its masks black: itself, or a copy where it may not be written to."""
        if not self._polygons:
            return picture
        self._draw(pixels.size(picture))
        assert self._full is not None
        assert self._half is not None
        if not isinstance(picture, Planes):
            return self._full.filled(picture, 0)
        luma = self._full.filled(picture.luma, DARK)
        return Planes(luma, tuple(self._half.filled(plane, GREY) for plane in picture.chroma))

    def _draw(self, size: tuple[int, int]) -> None:
        if size == self._size:
            return
        width, height = self._size = size
        full = rasterised(self._polygons, width, height, margin_px=1)
        self._full, self._half = _Patch(full), _Patch(_halved(full))


class _Patch:
    """The part of a plane that holds all of a mask."""

    def __init__(self, mask: Mask) -> None:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        self._is_empty = not rows.size
        if not self._is_empty:
            self._at = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            self._masks: dict[int, Mask] = {1: mask[self._at].copy()}  # by channels of the plane

    def filled(self, plane: U8, value: int) -> U8:
        """(H, W) or (H, W, C); a copy where a decoder may still use its memory."""
        if self._is_empty:
            return plane
        plane = plane if plane.flags.writeable else plane.copy()
        np.copyto(plane[self._at], np.uint8(value), where=self._mask(*plane.shape[2:]))
        return plane

    def _mask(self, channels: int = 1) -> Mask:
        """(h, w), or (h, w, channels): numpy takes many times as long to broadcast one."""
        if channels not in self._masks:
            self._masks[channels] = self._masks[1][..., None].repeat(channels, axis=2)
        return self._masks[channels]


def rasterised(polygons: Sequence[Polygon], width: int, height: int, margin_px: int = 0) -> Mask:
    """(H, W), true within any polygon and on its edge, and `margin_px` around it."""
    canvas = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        corners = np.rint(np.array(polygon) * (width, height) - 0.5).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 1)
        if margin_px:
            cv2.polylines(canvas, [corners], True, 1, 2 * margin_px + 1)
    return canvas.astype(bool)


def _halved(mask: Mask) -> Mask:
    """Of chroma: each pixel that speaks for any masked one. (H, W) -> (H // 2, W // 2)."""
    height, width = mask.shape[0] // 2, mask.shape[1] // 2
    blocks = mask[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return np.asarray(blocks.any((1, 3)), np.bool_)
