"""Frames as cameras and decoders give them, brightness and colour apart: parts of them as RGB.

Colours are BT.601, limited range, as in OpenCV; sources give other frames as RGB.
"""

from __future__ import annotations

from math import prod
from threading import Lock

import cv2
import numpy as np

from edge.records import U8, Planes, Region

CODE = cv2.COLOR_YUV2RGB_NV12  # luma beside one plane of pairs: the same numbers as I420's code
BLACK, WHITE = 16, 235  # luma of limited range
GREY, COLOURS = 128, 224  # the middle of chroma, and its range
FULL_RANGE = np.clip(
    np.rint((np.arange(256) - BLACK) * (255 / (WHITE - BLACK))), 0, 255
).astype(np.uint8)  # fmt: skip
FULL_CHROMA = np.clip(
    np.rint((np.arange(256) - GREY) * (255 / COLOURS) + GREY), 0, 255
).astype(np.uint8)  # fmt: skip
FULL = np.stack([FULL_RANGE, FULL_CHROMA, FULL_CHROMA], 1)[None]  # (1, 256, 3) of Y, Cr, Cb


class Conversions:
    """How many whole frames were turned into RGB in this process, by whichever thread.

    Of a frame that comes as planes none is, on its way to its tags: a benchmark holds us to it.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def add(self) -> None:
        with self._lock:
            self.count += 1


CONVERSIONS = Conversions()


class Scratch:
    """Memory for pixels on their way, used again and again; it grows to the largest region seen.

    Not thread-safe, and what it gives holds until the same name is asked for again.
    """

    def __init__(self) -> None:
        self._held: dict[str, U8] = {}

    def array(self, name: str, *shape: int) -> U8:
        """Contiguous, with anything in it."""
        size = prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size, np.uint8)
        return held[:size].reshape(shape)


def check_planes(planes: Planes) -> None:
    """Raises ValueError unless luma and chroma are the I420 or NV12 of one frame."""
    height, width = planes.luma.shape if planes.luma.ndim == 2 else (0, 0)
    half = height // 2, width // 2
    kinds = ((half, half), ((*half, 2),))  # I420, NV12
    fits = height > 0 and width > 0 and height % 2 == width % 2 == 0
    every = (planes.luma, *planes.chroma)
    shapes = tuple(plane.shape for plane in planes.chroma)
    if not fits or shapes not in kinds or any(plane.dtype != np.uint8 for plane in every):
        found = ", ".join(f"{plane.dtype} {plane.shape}" for plane in every)
        raise ValueError(f"planes are {found}, expected uint8 I420 or NV12 with even sides")


def planes_of(stacked: U8, layout: str) -> Planes:
    """(H * 3 / 2, W) bytes as drivers give them -> views of the planes in them.

    layout  "I420", "YV12" (its colours the other way round) or "NV12". Raises ValueError for a
            size that holds no frame.
    """
    rows, width = stacked.shape
    height = rows // 3 * 2
    if rows % 3 or width % 2 or not height * width:
        raise ValueError(f"a frame is {rows} x {width} bytes, expected 3/2 H x W, sides even")
    luma, rest = stacked[:height], stacked[height:]
    if layout == "NV12":
        return Planes(luma, (rest.reshape(height // 2, width // 2, 2),))
    u, v = rest.reshape(2, height // 2, width // 2)
    return Planes(luma, (u, v) if layout == "I420" else (v, u))


def part_rgb(planes: Planes, region: Region, scratch: Scratch) -> U8:
    """The pixels of a region, (y1 - y0, x1 - x0, 3), in `scratch`: nothing else is converted.

    A pixel of colour covers two by two of brightness, so the part converted begins and ends at even
    coordinates; what comes out is what converting the whole frame and cutting would give.
    """
    x0, y0 = region.x0 // 2 * 2, region.y0 // 2 * 2
    x1, y1 = -(-region.x1 // 2) * 2, -(-region.y1 // 2) * 2
    chroma = _paired(planes, Region(x0 // 2, y0 // 2, x1 // 2, y1 // 2), scratch)
    out = scratch.array("rgb", y1 - y0, x1 - x0, 3)
    cv2.cvtColorTwoPlane(planes.luma[y0:y1, x0:x1], chroma, CODE, out)
    return out[region.y0 - y0 : region.y1 - y0, region.x0 - x0 : region.x1 - x0]


def whole_rgb(planes: Planes) -> U8:
    """All of a frame, (H, W, 3), fresh. For what is drawn or kept; never on the way to a tag."""
    CONVERSIONS.add()
    height, width = planes.luma.shape
    return part_rgb(planes, Region(0, 0, width, height), Scratch())


def shrunk_rgb(planes: Planes, region: Region, height: int, width: int, scratch: Scratch) -> U8:
    """A region as (height, width, 3), even sides both, in `scratch`.

    The planes are resized and then converted. Both sample four points for each of theirs.
    """
    box = Region(region.x0 // 2, region.y0 // 2, -(-region.x1 // 2), -(-region.y1 // 2))
    luma = planes.luma[region.y0 : region.y1, region.x0 : region.x1]
    small = scratch.array("luma", height, width)
    cv2.resize(luma, (width, height), dst=small)
    sampled = []
    for n, plane in enumerate(planes.chroma):
        large = scratch.array(f"large {n}", height, width, *plane.shape[2:])
        half = scratch.array(f"half {n}", height // 2, width // 2, *plane.shape[2:])
        part = plane[box.y0 : box.y1, box.x0 : box.x1]
        cv2.resize(part, (width, height), dst=large)
        cv2.resize(large, (width // 2, height // 2), dst=half, interpolation=cv2.INTER_AREA)
        sampled.append(half)
    whole = Region(0, 0, width // 2, height // 2)
    chroma = _paired(Planes(small, tuple(sampled)), whole, scratch)
    out = scratch.array("rgb", height, width, 3)
    cv2.cvtColorTwoPlane(small, chroma, CODE, out)
    return out


def reduced_rgb(planes: Planes, region: Region, out: U8, scratch: Scratch) -> None:
    """A region of at least twice the size of `out` (h, w, 3), into it, every pixel averaged.

    The planes are resized and then converted, which takes half as long as the other way round; as
    there is a pixel of colour for each of `out`, nothing is lost.
    """
    height, width = out.shape[:2]
    box = Region(region.x0 // 2, region.y0 // 2, -(-region.x1 // 2), -(-region.y1 // 2))
    parts = [planes.luma[region.y0 : region.y1, region.x0 : region.x1]]
    parts += [plane[box.y0 : box.y1, box.x0 : box.x1] for plane in planes.chroma]
    small = []
    for n, part in enumerate(parts):
        made = scratch.array(f"small {n}", height, width, *part.shape[2:])
        is_near = part.shape[0] < 2 * height and part.shape[1] < 2 * width
        how = cv2.INTER_LINEAR if is_near else cv2.INTER_AREA
        small.append(cv2.resize(part, (width, height), dst=made, interpolation=how))
    joined = scratch.array("joined", height, width, 3)
    cv2.mixChannels(small, [joined], [0, 0, 2, 1, 1, 2])  # Y, Cb, Cr in one or three planes
    cv2.LUT(joined, FULL, dst=joined)
    cv2.cvtColor(joined, cv2.COLOR_YCrCb2RGB, dst=out)


def _paired(planes: Planes, box: Region, scratch: Scratch) -> U8:
    """The colours of a box, in chroma pixels, as pairs (h, w, 2)."""
    parts = [plane[box.y0 : box.y1, box.x0 : box.x1] for plane in planes.chroma]
    if len(parts) == 1:
        return parts[0]
    out = scratch.array("chroma", box.y1 - box.y0, box.x1 - box.x0, 2)
    cv2.merge(parts, out)
    return out
