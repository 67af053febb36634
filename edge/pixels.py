"""From pictures to artifact inputs: the only preprocessing there is, training included.

Pictures are (H, W, 3) uint8, channels in the order red, green, blue, everywhere outside this file;
OpenCV's order, blue first, never leaves it. Importing it silences OpenCV's own log: what it has to
say comes as SourceError.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.manifest import InputSpec
from edge.records import U8, Region

MAX_PIXELS = 200_000_000  # of one picture; 600 MB once decoded

# OpenCV reads this when it loads; it covers the formats whose header is not read below
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)
import cv2  # noqa: E402

if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
KNOWN = "JPEG, PNG, WebP, BMP, GIF or TIFF"


def decode(data: bytes, where: str) -> U8:
    """A picture file's bytes -> (H, W, 3) RGB. `where`, the path as given, opens every error.

    Turned as its EXIF says; 16 bits are rounded to 8; alpha is left out, the colours under it stay;
    of several pictures in a file the first. Raises SourceError.
    """
    if not data:
        raise SourceError(f"{where}: file is empty, expected {KNOWN}")
    if data.startswith(PNG):
        _check_png(data, where)
    elif data.startswith(JPEG):
        _check_jpeg(data, where)
    try:
        # not IMREAD_COLOR_RGB: with 16-bit TIFF it gives blue first all the same (OpenCV 5.0.0)
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as e:
        raise SourceError(f"{where}: picture cannot be decoded: {e.err}, expected {KNOWN}") from e
    if bgr is None:
        raise SourceError(f"{where}: file is no picture, or a damaged one, expected {KNOWN}")
    return np.asarray(cv2.cvtColor(_to_8_bits(bgr, where), cv2.COLOR_BGR2RGB), np.uint8)


def cut(rgb: U8, region: Region) -> U8:
    """The pixels of a region: a view, (y1 - y0, x1 - x0, 3). It must lie inside the picture."""
    height, width = rgb.shape[:2]
    if not (0 <= region.x0 < region.x1 <= width and 0 <= region.y0 < region.y1 <= height):
        raise ValueError(f"region is {region.box}, expected a part of {width} x {height} px")
    return rgb[region.y0 : region.y1, region.x0 : region.x1]


def fit(rgb: U8, spec: InputSpec) -> U8:
    """Resize to (spec.height, spec.width, 3), aspect given up.

    May be `rgb` itself, or share its memory.
    """
    height, width = rgb.shape[:2]
    if (height, width) == (spec.height, spec.width):
        return rgb
    # averaging keeps fine texture from turning into moire, but makes blocks of what it enlarges
    enlarges = height < spec.height or width < spec.width
    how = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    return np.asarray(cv2.resize(rgb, (spec.width, spec.height), interpolation=how), np.uint8)


def batch(crops: Sequence[U8], spec: InputSpec) -> U8:
    """N crops of any size -> (N, spec.height, spec.width, 3), contiguous, fresh."""
    out = np.empty((len(crops), spec.height, spec.width, 3), np.uint8)
    for i, crop in enumerate(crops):
        out[i] = fit(crop, spec)
    return out


def _to_8_bits(bgr: NDArray[Any], where: str) -> U8:
    if bgr.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(bgr, alpha=1 / 257), np.uint8)  # 65535 / 255; rounds
    if bgr.dtype != np.uint8:
        raise SourceError(f"{where}: picture is {bgr.dtype.name}, expected 8 or 16 bits a channel")
    return bgr


def _check_size(width: int, height: int, where: str) -> None:
    """Before anything is allocated for it."""
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{where}: picture is {width} x {height} px, expected at most {MAX_PIXELS:,} in all"
        )


def _check_png(data: bytes, where: str) -> None:
    """Check size, and that every chunk up to the last is whole. Raises SourceError.

    libpng would say it too, but on stderr.
    """
    view, at = memoryview(data), len(PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"IHDR" and length == 13:
            width, height = struct.unpack_from(">II", data, at + 8)
            _check_size(width, height, where)
        if end > len(data):
            break
        is_critical = not kind[0] & 0x20  # readers must skip the others when damaged
        if (
            is_critical
            and zlib.crc32(view[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]
        ):
            raise SourceError(
                f"{where}: PNG is damaged at byte {at}, expected the checksum written there"
            )
        if kind == b"IEND":
            return
        at = end
    raise SourceError(f"{where}: PNG is cut short at {len(data)} bytes, expected its end chunk")


def _check_jpeg(data: bytes, where: str) -> None:
    """Check size, and that an end marker follows the pixels. Raises SourceError.

    OpenCV 4 would fill what is missing with grey.
    """
    at = 2
    while at >= 0 and at + 9 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0xFF, 0x00):
            at = data.find(b"\xff", at + 1)  # filling between segments
            continue
        if marker == 0xDA:  # start of scan
            if data.rfind(b"\xff\xd9") > at:
                return
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            _check_size(width, height, where)
        length = (
            0
            if 0xD0 <= marker <= 0xD8 or marker == 0x01
            else struct.unpack_from(">H", data, at + 2)[0]
        )
        at += 2 + length
    raise SourceError(f"{where}: JPEG is cut short at {len(data)} bytes, expected its end marker")
