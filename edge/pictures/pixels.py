"""From pictures to artifact inputs: the only preprocessing there is, training included.

A picture is (H, W, 3) uint8, channels in the order red, green, blue, or the planes of a camera or a
decoder, of which only the part looked at becomes RGB. OpenCV's order, blue first, never leaves this
file. Importing it silences OpenCV's own log: what it has to say comes as SourceError.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures.headers import AGAIN, MAX_PIXELS, check_header
from edge.records import U8, NDArray, Picture, Planes, Region

# OpenCV reads this when it loads; it covers the formats whose header is not read here
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)
import cv2

from edge.pictures.planes import (
    CONVERSIONS,
    FULL_RANGE,
    Scratch,
    check_planes,
    part_rgb,
    reduced_rgb,
    shrunk_rgb,
    whole_rgb,
)

if hasattr(cv2, "setLogLevel"):  # OpenCV 4.10 to 4.12
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

KNOWN = "JPEG, PNG, WebP, BMP, GIF or TIFF"
SAVE = "open it in an image viewer and save it again as PNG, or leave it out"
JPEG = b"\xff\xd8"  # how one begins
FRAME = "uint8 (H, W, 3)"
RGB: int = getattr(cv2, "IMREAD_COLOR_RGB", 0)  # 0 before OpenCV 4.11


def decode(data: bytes, where: str) -> U8:
    """A picture file's bytes -> (H, W, 3) RGB. `where`, the path as given, opens every error.

    Turned as its EXIF says; 16 bits are rounded to 8; alpha is left out, the colours under it stay;
    of several pictures in a file the first. Raises SourceError.
    """
    if not data:
        raise SourceError(f"{where}: file is empty, expected {KNOWN}", fix=AGAIN)
    check_header(data, where)
    # without a second array of that size; with 16-bit TIFF it gives blue first (OpenCV 5.0.0)
    is_rgb = RGB != 0 and data.startswith(JPEG)
    flags = RGB if is_rgb else cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as e:
        raise SourceError(
            f"{where}: picture cannot be decoded: {e.err}, expected {KNOWN}", fix=SAVE
        ) from e
    if picture is None:
        raise SourceError(
            f"{where}: file is no picture, or a damaged one, expected {KNOWN}", fix=SAVE
        )
    if is_rgb:
        CONVERSIONS.add()  # the decoder's
        return np.asarray(picture, np.uint8)
    return from_bgr(_to_8_bits(picture, where))


def from_bgr(bgr: U8, out: U8 | None = None) -> U8:
    """OpenCV's order to ours, (H, W, 3): into `out`, where it is of that size, or fresh."""
    CONVERSIONS.add()
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=out), np.uint8)


def check(picture: Picture) -> None:
    """Raises ValueError for what is no frame."""
    if isinstance(picture, Planes):
        check_planes(picture)
    elif not isinstance(picture, np.ndarray):  # None: cv2.imread found no picture
        raise ValueError(f"frame is a {type(picture).__name__}, expected an array: {FRAME}")
    elif picture.dtype != "uint8" or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"frame is {picture.dtype} {picture.shape}, expected {FRAME}")


def size(picture: Picture) -> tuple[int, int]:
    """Width and height, px."""
    height, width = (picture.luma if isinstance(picture, Planes) else picture).shape[:2]
    return width, height


def rgb(picture: Picture) -> U8:
    """The whole picture as (H, W, 3); itself when it is. For what is drawn or kept: slow at 4K.

    Counted by `planes.CONVERSIONS`, as `from_bgr` and `decode` are.
    """
    return whole_rgb(picture) if isinstance(picture, Planes) else picture


def jpeg(rgb: U8, quality: int) -> bytes:
    """(H, W, 3) -> a file's bytes."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def cut(rgb: U8, region: Region) -> U8:
    """The pixels of a region: a view, (y1 - y0, x1 - x0, 3). It must lie inside the picture."""
    _check_region(rgb, region)
    return rgb[region.y0 : region.y1, region.x0 : region.x1]


def fit(rgb: U8, spec: InputSpec) -> U8:
    """Resize to (spec.height, spec.width, 3), aspect given up.

    May be `rgb` itself, or share its memory.
    """
    if rgb.shape[:2] == (spec.height, spec.width):
        return rgb
    out = np.empty((spec.height, spec.width, 3), np.uint8)
    _resize_into(rgb, out)
    return out


def batch(crops: Sequence[U8], spec: InputSpec) -> U8:
    """N crops of any size -> (N, spec.height, spec.width, 3), contiguous, fresh."""
    out = np.empty((len(crops), spec.height, spec.width, 3), np.uint8)
    for crop, row in zip(crops, out, strict=True):
        _resize_into(crop, row)
    return out


def crop_into(picture: Picture, region: Region, out: U8, scratch: Scratch | None = None) -> None:
    """A closer look: `region` resized into `out` (h, w, 3), contiguous. As `fit` of `cut` gives it.

    Of planes the region alone is converted; where it is twice as large as `out` or more, after it
    was resized, which makes a level or two of a difference. With the caller's `scratch` nothing
    large is allocated. Raises ValueError for a region outside the picture.
    """
    if not isinstance(picture, Planes):
        _resize_into(cut(picture, region), out)
        return
    _check_region(picture.luma, region)
    memory, (height, width) = scratch or Scratch(), out.shape[:2]
    if region.y1 - region.y0 >= 2 * height and region.x1 - region.x0 >= 2 * width:
        reduced_rgb(picture, region, out, memory)
    else:
        _resize_into(part_rgb(picture, region, memory), out)


def shrink_into(picture: Picture, region: Region, out: U8, scratch: Scratch | None = None) -> None:
    """A glance: a large `region` into a small `out` (h, w, 3), contiguous, at little cost.

    Sampled at twice the size of `out`, then averaged two by two: reading every pixel of a 4K frame
    takes ten times as long, and plain sampling turns fine texture into moire. A region of at most
    that size is read whole, as in `crop_into`. Raises ValueError as that does.
    """
    height, width = 2 * out.shape[0], 2 * out.shape[1]
    if region.x1 - region.x0 <= width and region.y1 - region.y0 <= height:
        crop_into(picture, region, out, scratch)
        return
    memory = scratch or Scratch()
    if isinstance(picture, Planes):
        _check_region(picture.luma, region)
        twice = shrunk_rgb(picture, region, height, width, memory)
    else:
        twice = memory.array("twice", height, width, 3)
        cv2.resize(cut(picture, region), (width, height), dst=twice)
    _resize_into(twice, out)


def luma_grid(picture: Picture, step_px: int = 16) -> U8:
    """Brightness 0..255 at every `step_px`-th pixel: (H // step_px, W // step_px), fresh."""
    half = step_px // 2  # the middle of each cell
    width, height = size(picture)
    rows = slice(half, height // step_px * step_px, step_px)
    columns = slice(half, width // step_px * step_px, step_px)
    if isinstance(picture, Planes):
        return np.asarray(FULL_RANGE[picture.luma[rows, columns]], np.uint8)
    points = np.ascontiguousarray(picture[rows, columns])
    if not points.size:
        return points[..., 0]
    return np.asarray(cv2.cvtColor(points, cv2.COLOR_RGB2GRAY), np.uint8)


def _resize_into(rgb: U8, out: U8) -> None:
    """(H, W, 3) -> `out` (h, w, 3), contiguous, in place. Raises ValueError for another `out`."""
    height, width = out.shape[:2]
    if rgb.shape == out.shape:
        np.copyto(out, rgb)
        return
    # averaging keeps fine texture from turning into moire, but makes blocks of what it enlarges
    enlarges = rgb.shape[0] < height or rgb.shape[1] < width
    how = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    if cv2.resize(rgb, (width, height), dst=out, interpolation=how) is not out:
        raise ValueError(f"out is {out.dtype} {out.shape}, expected uint8 (h, w, 3), contiguous")


def _check_region(plane: U8, region: Region) -> None:
    height, width = plane.shape[:2]
    if not (0 <= region.x0 < region.x1 <= width and 0 <= region.y0 < region.y1 <= height):
        raise ValueError(f"region is {region.box}, expected a part of {width} x {height} px")


def _to_8_bits(bgr: NDArray[Any], where: str) -> U8:
    if bgr.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(bgr, alpha=1 / 257), np.uint8)  # 65535 / 255; rounds
    if bgr.dtype != np.uint8:
        raise SourceError(
            f"{where}: picture is {bgr.dtype.name}, expected 8 or 16 bits a channel", fix=SAVE
        )
    return bgr
