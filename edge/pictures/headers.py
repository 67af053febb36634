"""What the bytes of a PNG or a JPEG say before anything is decoded: their size, and their end."""

from __future__ import annotations

import struct
import zlib

from edge.errors import SourceError

AGAIN = "copy it again, or leave it out"
MAX_PIXELS = 200_000_000  # of one picture; 600 MB once decoded

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"


def check_header(data: bytes, where: str) -> None:
    """Refuse a PNG or a JPEG that is too large, damaged or cut short; others pass.

    Raises SourceError. OpenCV says it too late: after allocating, on stderr, or not at all.
    """
    if data.startswith(PNG):
        _check_png(data, where)
    elif data.startswith(JPEG):
        _check_jpeg(data, where)


def _check_size(width: int, height: int, where: str) -> None:
    """Before anything is allocated for it."""
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{where}: picture is {width} x {height} px, expected at most {MAX_PIXELS:,} in all",
            fix="scale it down, or cut it into parts",
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
                f"{where}: PNG is damaged at byte {at}, expected the checksum written there",
                fix=AGAIN,
            )
        if kind == b"IEND":
            return
        at = end
    raise SourceError(
        f"{where}: PNG is cut short at {len(data)} bytes, expected its end chunk", fix=AGAIN
    )


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
    raise SourceError(
        f"{where}: JPEG is cut short at {len(data)} bytes, expected its end marker", fix=AGAIN
    )
