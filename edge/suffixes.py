"""Which files are pictures and which are clips, by the end of their names (lower case)."""

from __future__ import annotations

# fmt: off
PICTURES = frozenset((
    ".avif", ".bmp", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
))
CLIPS = frozenset((
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".ogv", ".ts", ".webm", ".wmv",
))
# fmt: on
ANNOTATED = ".tags.jpg"  # what `--annotate` writes; a folder read again skips these
