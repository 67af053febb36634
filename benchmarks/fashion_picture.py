"""The README's picture of garments: `python -m benchmarks.fashion_picture`.

Each garment with what the bundle says of it: its tag, its colour, its attributes; drawn garments
only, so nobody's picture is in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.machine import ROOT
from calib_data.crops import sewn
from edge.records import U8, Tag
from edge.seen import View
from edge.tagger import open_tagger

PICTURE = ROOT / "calib_data" / "demo" / "fashion.jpg"
SHOWN = (("Polo", 901), ("Longsleeve", 902), ("Shirt", 903), ("Dress", 904), ("Hoodie", 905),
         ("Shorts", 906), ("Pants", 907), ("Outwear", 908))  # fmt: skip
PX, ACROSS, STRIP = 240, 4, 62


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="with attributes; None: the one that ships")
    args = parser.parse_args()
    views = [sewn(tag, seed, PX)[0] for tag, seed in SHOWN]
    with open_tagger(args.bundle) as tagger:
        told = [tagger.tag(view, View(whole=True)) for view in views]
    tiles = [tile(view, [t for t in tags if t.details]) for view, tags in zip(views, told)]
    rows = [np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    cv2.imwrite(str(PICTURE), np.vstack(rows)[:, :, ::-1], quality)


def tile(view: U8, garments: list[Tag]) -> U8:
    """A garment over a strip that says what was found."""
    strip = np.full((STRIP, view.shape[1], 3), 245, np.uint8)
    words = garments[0].details.split(", ") if garments else ["no garment"]
    name = f"{garments[0].tag} {garments[0].score:.0%}" if garments else ""
    for i, line in enumerate((name, ", ".join(words[:2]), ", ".join(words[2:]))):
        ink = (20, 20, 20) if i else (150, 30, 60)
        at = (6, 18 + 19 * i)
        cv2.putText(strip, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, ink, 1, cv2.LINE_AA)
    return np.asarray(np.vstack([view, strip]), np.uint8)


if __name__ == "__main__":
    main()
