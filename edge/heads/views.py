"""Views of a picture that is enrolled: as closer looks, tiles and other light would show it.

A view is an array that the tagger resizes to its input. Nothing is mirrored unless that is asked
for: lettering has a right way round.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.errors import UsageError
from edge.pictures.pixels import cut
from edge.pictures.regions import grid, shared
from edge.records import U8, Box, Region
from edge.schedule.candidates import FILLS, crop_around

LEAST_PX = 8  # of a box's longer side: less is no picture of anything
WIDER = 0.75  # of a crop's side, as where a box from the glance is too large
BLURRED_PX = 48  # as seen from afar
TURNED = 8.0  # degrees
GAMMA, GAIN = (0.65, 1.5), (1.1, 0.85)  # of brightness: lighter, darker
BESIDE = (0.6, 0.4, 0.25)  # of the picture's shorter side: what is cut beside a box
TOUCHED = 0.15  # of the box, or of such a part, that is in both, at most
MOST_BESIDE = 4
PARTS = 9  # of a picture of what is none: it as a whole, its quarters, and four ninths


def views(rgb: U8, box: Box | None = None, *, mirrored: bool = False) -> list[U8]:
    """Eight views of what `box` of the picture shows, or the whole of it; twelve when mirrored.

    Raises UsageError for a box that is not in the picture, or too small.
    """
    height, width = rgb.shape[:2]
    place = (0, 0, width, height) if box is None else _checked(box, width, height)
    tight = cut(rgb, Region(*place))
    near = cut(rgb, crop_around(place, width, height))
    wide = cut(rgb, crop_around(place, width, height, WIDER * FILLS))
    found = [tight, near, wide, _small(tight)]
    found += [_lit(near, gamma, gain) for gamma, gain in zip(GAMMA, GAIN)]
    found += [_turned(near, angle) for angle in (TURNED, -TURNED)]
    if mirrored:
        found += [np.ascontiguousarray(view[:, ::-1]) for view in found[:4]]
    return found


def beside(rgb: U8, box: Box | None = None) -> list[U8]:
    """At most MOST_BESIDE parts of the picture that `box` is no part of: what a search comes across
    near the thing and must not take for it. None where the box is all there is.
    """
    if box is None:
        return []
    height, width = rgb.shape[:2]
    tiles = [t for share in BESIDE for t in _tiles(width, height, int(share * min(width, height)))]
    free = [t for t in tiles if shared(t.box, box) < TOUCHED]
    # spread over sizes and places
    chosen = {n * len(free) // MOST_BESIDE for n in range(MOST_BESIDE)} if free else set()
    return [cut(rgb, free[n]) for n in sorted(chosen)]


def parts(rgb: U8) -> list[U8]:
    """PARTS views of a picture that shows none of the tags: as tiles and crops would cut it."""
    height, width = rgb.shape[:2]
    wide, tall = max(1, width // 2), max(1, height // 2)
    places = [(x, y, wide, tall) for y in (0, height - tall) for x in (0, width - wide)]
    wide, tall = max(1, width // 3), max(1, height // 3)
    middle = (width - wide) // 2, (height - tall) // 2
    places += [(middle[0], y, wide, tall) for y in (0, height - tall)]
    places += [(x, middle[1], wide, tall) for x in (0, width - wide)]
    return [rgb, *(rgb[y : y + tall, x : x + wide] for x, y, wide, tall in places)]


def _tiles(width: int, height: int, side: int) -> list[Region]:
    return grid(width, height, side, side // 4) if side >= LEAST_PX else []


def _checked(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise UsageError(
            f"enroll: box is {x0},{y0},{x1},{y1}, expected x0,y0,x1,y1 "
            f"inside {width} x {height} px",
            fix=f"0,0,{width},{height} is all of it",
        )
    if max(x1 - x0, y1 - y0) < LEAST_PX:
        raise UsageError(
            f"enroll: box is {x1 - x0} x {y1 - y0} px, expected {LEAST_PX} px or more",
            fix="take a picture from nearer",
        )
    return box


def _small(rgb: U8) -> U8:
    height, width = rgb.shape[:2]
    scale = BLURRED_PX / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _lit(rgb: U8, gamma: float, gain: float) -> U8:
    curve = np.clip((np.arange(256) / 255) ** gamma * gain * 255, 0, 255).astype(np.uint8)
    return np.asarray(curve[rgb], np.uint8)


def _turned(rgb: U8, degrees: float) -> U8:
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8
    )
