"""`edge-tag calibrate`: a camera plane from pictures of a checkerboard."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from edge.opening.progress import bar
from edge.opening.sources import open_sources
from edge.pictures.suffixes import is_clip, is_picture
from edge.process import Stop, write_line
from edge.redact import without_secrets
from edge.verbs.flags import (
    add_cameras,
    add_pace,
    add_sources,
    at_least_1,
    new_parser,
    number,
    with_sources,
)


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag calibrate",
        "Pictures of a checkerboard -> a camera plane: the file that --plane takes. The board of\n"
        "the first lies flat in the plane that fish will lie in; others are turned and tilted.",
    )
    add_sources(parser)
    add_pace(parser, every_s=1.0)
    add_cameras(parser)
    add = parser.add_argument
    add("--square-mm", type=square, required=True, metavar="MM", help="side of a square, measured")
    text = "inner corners, columns x rows (default 9x6: ten squares by seven)"
    add("--board", type=board, default=(9, 6), metavar="CxR", help=text)
    text = "the plane's file, like belt.json; a picture, belt.plane.jpg, goes beside it"
    add("--out", type=plane_file, required=True, metavar="FILE", help=text)
    text = "boards in different places, at most (default %(default)s)"
    add("--count", type=at_least_1, default=30, metavar="N", help=text)
    return with_sources(parser.parse_args(words))


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """A camera plane from pictures of a checkerboard."""
    from edge.config.applied import cameras_of, masked_frames
    from edge.length.calibrating import CalibrationSettings, calibrated

    settings = CalibrationSettings(flags.board, flags.square_mm, flags.count)
    with ExitStack() as opened:
        cameras = cameras_of(flags)
        sources = open_sources(flags, opened, stop)
        frames = masked_frames(sources, cameras)
        with bar(flags, flags.count) as step:
            lines = calibrated(frames, settings, Path(flags.out), step, stop)
    for line in lines:
        write_line(out, line)
    named = zip(flags.sources, sources, strict=True)
    live = next((without_secrets(text) for text, s in named if s.is_live), "--camera 0")
    source = live if flags.config is None else f"--config {flags.config}"
    write_line(out, f"next: edge-tag --plane {flags.out} {source}")
    return 0


def plane_file(text: str) -> str:
    if is_picture(text) or is_clip(text):
        raise argparse.ArgumentTypeError(f"{text!r} is given, expected a file like belt.json")
    return text


def square(text: str) -> float:
    return number(text, float, 0.5, "mm, 0.5 or more: the side of a square, measured")


def board(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(s.isdecimal() and 3 <= int(s[:4]) <= 60 for s in sides):
        raise argparse.ArgumentTypeError(
            f"{text!r} is given, expected inner corners like 9x6, 3 to 60 each way"
        )
    return int(sides[0]), int(sides[1])
