"""Which files are pictures and which are clips, by the end of their names (lower case)."""

from __future__ import annotations

from pathlib import PurePath

# fmt: off
PICTURES = frozenset((
    ".avif", ".bmp", ".dib", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png",
    ".pnm", ".ppm", ".tif", ".tiff", ".webp",
))
CLIPS = frozenset((
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".ogv", ".ts", ".webm", ".wmv",
))
# fmt: on
ANNOTATED, EXPLAINED = ".tags.jpg", ".why.jpg"  # what `--annotate` and `--explain` write
CORNERS = ".plane.jpg"  # what `edge-tag calibrate` writes
OURS = (ANNOTATED, EXPLAINED, CORNERS)  # a folder read again skips these


def is_picture(source: str) -> bool:
    """True for the name of a picture file: its only frame needs no number."""
    return "://" not in source and PurePath(source).suffix.lower() in PICTURES


def is_clip(source: str) -> bool:
    """True for the name of a clip file."""
    return "://" not in source and PurePath(source).suffix.lower() in CLIPS
