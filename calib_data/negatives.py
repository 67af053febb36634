"""A sheet of rendered views and made-up marks: what is none of the things that a user enrols.

python -m calib_data.negatives        draws edge/heads/negatives.jpg again

`edge-tag enroll` has no pictures to say "none of these" of, and a bundle has few: so this sheet
travels with the runtime, and its views are embedded on the device by the very engine that runs
there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from calib_data.crops import TAGS, crop, write_jpeg
from calib_data.marks import mark
from edge.heads.negatives import COLUMNS, ROWS, SHEET, SIDE
from edge.records import U8

MARKS = 1 / 4  # of the views: an unknown mark is what an enrolled one is most easily taken for
STREAM = 0x0DE5


def sheet(seed: int = 0) -> U8:
    """(ROWS * SIDE, COLUMNS * SIDE, 3) RGB, a view a square; the same for the same seed."""
    draw = np.random.default_rng([STREAM, seed])
    count = ROWS * COLUMNS
    kinds = [(head, tag) for head, tags in TAGS.items() for tag in tags]
    views = [mark(10_000 + n) for n in range(round(count * MARKS))]
    views += [crop(*kinds[n % len(kinds)], n, SIDE) for n in range(count - len(views))]
    squares = [_square(views[n]) for n in draw.permutation(count)]
    rows = [np.hstack(squares[n * COLUMNS : (n + 1) * COLUMNS]) for n in range(ROWS)]
    return np.vstack(rows)


def _square(rgb: U8) -> U8:
    """Aspect given up, as a closer look gives it up."""
    return np.asarray(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def main(path: Path = SHEET) -> int:
    """The command line."""
    write_jpeg(path, sheet(), 80)
    sys.stdout.write(f"{path}: {ROWS * COLUMNS} views, {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
