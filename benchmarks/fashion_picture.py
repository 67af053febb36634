"""The README's picture of garments: `python -m benchmarks.fashion_picture`.

After `benchmarks.fashion`. Each garment with the colour that the runtime measures and the
attributes that the head gives; drawn garments only, so nobody's picture is in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from calib_data.crops import sewn
from edge.heads.colour import colour_of
from edge.records import U8
from quantize.fashion.attributes import HEAD
from quantize.fashion.material import embedded
from quantize.pictures import read_lists
from quantize.stages.export import loaded, student_file

PICTURE = Path(__file__).parents[1] / "calib_data" / "demo" / "fashion.jpg"
SHOWN = (("Polo", 901), ("Longsleeve", 902), ("Shirt", 903), ("Dress", 904), ("Hoodie", 905),
         ("Shorts", 906), ("Pants", 907), ("Outwear", 908))  # fmt: skip
PX, ACROSS, STRIP = 240, 4, 62
LEFT = "kids"  # not learned well enough to be told: `attributes --without kids`


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", type=Path, default=Path("build/fashion/worn"))
    args = parser.parse_args()
    file = student_file(args.student)
    student, settings = loaded(file)
    tags = read_lists(file.parent)[HEAD].tags
    views = [sewn(tag, seed, PX)[0] for tag, seed in SHOWN]
    with torch.inference_mode():
        seen = torch.from_numpy(embedded(student, int(settings["final_side"]), views))
        given = (student.heads[HEAD](seen) > 0).numpy()
    tiles = [
        tile(view, colour_of(view), [t for t, is_given in zip(tags, row) if is_given and t != LEFT])
        for view, row in zip(views, given)
    ]
    rows = [np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    cv2.imwrite(str(PICTURE), np.vstack(rows)[:, :, ::-1], quality)


def tile(view: U8, colour: str, tags: Sequence[str]) -> U8:
    """A garment over a strip that says what was found."""
    strip = np.full((STRIP, view.shape[1], 3), 245, np.uint8)
    lines = [colour, ", ".join(tags[:2]), ", ".join(tags[2:])]
    for i, line in enumerate(lines):
        ink = (20, 20, 20) if i else (150, 30, 60)
        at = (6, 18 + 19 * i)
        cv2.putText(strip, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, ink, 1, cv2.LINE_AA)
    return np.asarray(np.vstack([view, strip]), np.uint8)


if __name__ == "__main__":
    main()
