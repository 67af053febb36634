"""Small things in composed scenes, cut out as a crop of the runtime shows them:
`python -m quantize.pictures.pasted DATA --out build/rendered/pasted`.

A head that has only seen pictures of whole things names few of those that a camera sees from afar:
48 px wide, blurred, in front of anything. Only pictures of split train are pasted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from calib_data.composed import Composed, Thing, canvas_files, scenes
from calib_data.crops import write_jpeg
from edge.pictures import pixels
from edge.records import U8, Box, Region
from quantize.pictures.samples import PictureSet
from quantize.pictures.shared import picture_set

FILLS = (0.35, 1.1)  # of a crop's side, a thing
OFF = 0.1  # of the crop's side, at most: nobody finds the very middle
NOTHING = 0.5  # of the distractors are cut out, too
SHARE = 0.4  # of them an epoch shows: there are many
STREAM = 0x9A57ED


class PastedCrop(msgspec.Struct, frozen=True, eq=False):
    """A crop, and what is meant by it."""

    pixels: U8  # (side, side, 3) RGB
    head: str  # "none": a distractor
    tag: str


def things_of(pictures: PictureSet) -> list[Thing]:
    """What may be pasted: whole pictures to learn from."""
    return [
        Thing(s.file, s.head, s.tag)
        for s in pictures.samples
        if s.split == "train" and s.head and s.box is None
    ]


def looks(made: Composed, draw: np.random.Generator) -> Iterator[PastedCrop]:
    """One at every thing of a scene, and at some of its distractors."""
    for thing in made.placed:
        yield PastedCrop(_crop(made.pixels, thing.box, draw), thing.head, thing.tag)
    for box in made.distractors:
        if draw.random() < NOTHING:
            yield PastedCrop(_crop(made.pixels, box, draw), "none", "")


def write(pictures: PictureSet, canvases: Path, count: int, seed: int, out: Path) -> int:
    """The looks at `count` scenes, with labels.jsonl; how many there are."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    photos = (*canvas_files(canvases), None)
    draw, rows = np.random.default_rng([STREAM, seed]), []
    made = scenes(things_of(pictures), photos, seed, count)
    for scene in tqdm(made, "scenes", count, disable=None):
        for look in looks(scene, draw):
            name = f"images/{len(rows):05d}.jpg"
            write_jpeg(out / name, look.pixels, 92)
            label = {"file": name, "head": look.head, "tag": look.tag, "split": "train"}
            rows.append(label | {"share": SHARE, "trust": 0.0})
    (out / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return len(rows)


def _crop(frame: U8, box: Box, draw: np.random.Generator) -> U8:
    """A square of the frame, about the box, of any size: small ones stay small."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = box
    side = max(8, round(max(x1 - x0, y1 - y0) / float(np.exp(draw.uniform(*np.log(FILLS))))))
    side = min(side, height, width)
    off = draw.uniform(-OFF, OFF, 2) * side
    x = int(np.clip((x0 + x1) / 2 + off[0] - side / 2, 0, width - side))
    y = int(np.clip((y0 + y1) / 2 + off[1] - side / 2, 0, height - side))
    return pixels.cut(frame, Region(x, y, x + side, y + side))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="holds clothing/, grocery/, fish/, photos/")
    parser.add_argument("--scenes", type=int, default=400, help="4K frames (default 400)")
    parser.add_argument("--seed", type=int, default=5, help="same seed, same pixels (default 5)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    write(picture_set(args.root), args.root / "photos", args.scenes, args.seed, args.out)


if __name__ == "__main__":
    main()
