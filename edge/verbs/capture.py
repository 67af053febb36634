"""`edge-tag capture`: a calibration set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from edge import __version__
from edge.errors import SourceError
from edge.opening.progress import bar
from edge.opening.sources import open_sources
from edge.process import Stop, write_line
from edge.spelling import counted
from edge.verbs.flags import (
    add_cameras,
    add_pace,
    add_sources,
    at_least_1,
    new_parser,
    with_sources,
)


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag capture", "Take a calibration set: pictures and a manifest with hashes."
    )
    add_sources(parser)
    add_pace(parser, every_s=1.0)
    add_cameras(parser)
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="a new folder, or a set to continue"
    )
    text = "pictures in the set at the end (default %(default)s)"
    parser.add_argument("--count", type=at_least_1, default=200, metavar="N", help=text)
    parser.add_argument("--name", default="", help="the set's name (default: the folder's)")
    text = "who may use the pictures for what, as it goes into the manifest"
    parser.add_argument("--licence", default="", metavar="TEXT", help=text)
    return with_sources(parser.parse_args(words))


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Fill a calibration set."""
    from edge.config.applied import cameras_of, masked_frames
    from edge.pictures import calibration_set as sets

    folder = Path(flags.out)
    made_by = f"edge-tag {__version__} capture"
    new = sets.CalibrationSet(1, flags.name or folder.resolve().name, made_by, flags.licence)
    with ExitStack() as opened:
        cameras = cameras_of(flags)
        sources = open_sources(flags, opened, stop)
        frames = masked_frames(sources, cameras)
        with bar(flags, flags.count) as step:
            made = sets.capture(frames, folder, new, min(flags.count, sets.MAX_PICTURES), step)
    write_line(out, f"{folder / sets.MANIFEST}: {counted(len(made.pictures), 'picture')}")
    if not made.pictures and not stop():
        raise SourceError(
            f"{', '.join(s.name for s in sources)}: gave no picture to keep",
            fix="edge-tag doctor SOURCE tells what each gives",
        )
    return 0
