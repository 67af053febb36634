"""Zones, ignored areas and wanted tags of a camera: which names a tag gets, and whether it is told
at all.
"""

from __future__ import annotations

import cv2
import numpy as np
from msgspec.structs import replace

from edge.config.masks import rasterised
from edge.config.records import Camera, Polygon
from edge.config.wanted import is_wanted
from edge.records import Box, FrameTags, Tag

GRID = 512  # the ignored areas are drawn at this size, whatever that of the frame is
IGNORED = 0.5  # of a box


class Areas:
    """What one camera says of its tags, ready for them."""

    def __init__(self, camera: Camera) -> None:
        self._zones, self._only = dict(camera.zones), frozenset(camera.only)
        self._sums = None  # (GRID + 1, GRID + 1), of ignored cells above and left of each corner
        if camera.ignore:
            mask = rasterised(camera.ignore, GRID, GRID).astype(np.uint8)
            self._sums = np.asarray(cv2.integral(mask))

    def applied(self, result: FrameTags) -> FrameTags:
        """Without what is not wanted or lies in ignored areas; the others say in which zones they
        are.
        """
        if not self._zones and not self._only and self._sums is None:
            return result
        size, only = result.size, self._only
        wanted = [tag for tag in result.tags if is_wanted(tag, only)]
        tags = [tag for tag in wanted if not self.is_ignored(tag.box, size)]
        none = [one for one in result.none if not self.is_ignored(one.box, size)]
        return replace(result, tags=tuple(self._placed(t, size) for t in tags), none=tuple(none))

    def is_ignored(self, box: Box, size: tuple[int, int]) -> bool:
        """Does most of it lie in ignored areas? size: W, H of the frame."""
        if self._sums is None:
            return False
        (x0, x1), (y0, y1) = (_cells(box[n], box[n + 2], size[n]) for n in (0, 1))
        s = self._sums
        inside = int(s[y1, x1]) - int(s[y0, x1]) - int(s[y1, x0]) + int(s[y0, x0])
        return inside >= IGNORED * (x1 - x0) * (y1 - y0)

    def _placed(self, tag: Tag, size: tuple[int, int]) -> Tag:
        if not self._zones or tag.box == (0, 0, *size):
            return tag
        x0, y0, x1, y1 = tag.box
        middle = (x0 + x1) / 2 / size[0], (y0 + y1) / 2 / size[1]
        names = tuple(name for name, zone in self._zones.items() if holds(zone, *middle))
        return replace(tag, zones=names) if names else tag


def holds(polygon: Polygon, x: float, y: float) -> bool:
    """Is the point within, or on its edge? By how often a ray to the right crosses it."""
    corners = np.asarray(polygon, np.float32)
    return cv2.pointPolygonTest(corners, (x, y), False) >= 0


def _cells(low: int, high: int, side_px: int) -> tuple[int, int]:
    """Pixels -> cells of the grid, half-open, one at least."""
    first = min(max(round(low * GRID / side_px), 0), GRID - 1)
    return first, max(first + 1, min(round(high * GRID / side_px), GRID))
