"""Rendered scenes and views with their truth, for calibration, training checks and the demo.

python -m calib_data.scenes shelf --seed 1 --out DIR --count 3
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from calib_data.belts import VIEW_MM, belt, clip
from calib_data.crops import TAGS, crop, write_crops, write_jpeg
from calib_data.paint import U8
from calib_data.rails import rail
from calib_data.shelves import shelf
from calib_data.stage import Scene, Thing
from calib_data.tiles import write_tiles

__all__ = ["TAGS", "Scene", "Thing", "belt", "clip", "crop", "rail", "shelf", "write_crops"]

DEMO = Path(__file__).parent / "demo"
SCENES = {"shelf": shelf, "rail": rail, "belt": belt}


def write_scene(scene: Scene, path: Path, quality: int = 90) -> None:
    """A scene as `path` (.jpg) and, beside it, its truth (.json)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jpeg(path, scene.pixels, quality)
    height, width = scene.pixels.shape[:2]
    truth = {
        "file": path.name,
        "width": width,
        "height": height,
        "mm_per_px": scene.mm_per_px,
        "things": [asdict(thing) for thing in scene.things],
    }
    path.with_suffix(".json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def write_clip(
    seed: int, path: Path, frames: int = 48, size: tuple[int, int] = (1280, 720)
) -> None:
    """A belt clip as `path` (.mp4) and, beside it, the things of every frame (.json)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    things = clip(seed, path, frames, size)
    truth = {
        "file": path.name,
        "width": size[0],
        "height": size[1],
        "fps": 12,
        "mm_per_px": VIEW_MM * 0.75 / size[0],
        "frames": [[asdict(thing) for thing in frame] for frame in things],
    }
    path.with_suffix(".json").write_text(json.dumps(truth) + "\n", encoding="utf-8")


def contact_sheet(seed: int, tile: int = 104, columns: int = 11) -> U8:
    """One view of every tag a head can name, (H, W, 3) RGB."""
    named = [(head, tag) for head, tags in TAGS.items() if head != "none" for tag in tags]
    tiles = [
        cv2.resize(crop(head, tag, seed, tile * 2), (tile, tile), interpolation=cv2.INTER_AREA)
        for head, tag in named
    ]
    tiles += [np.full((tile, tile, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)]
    return np.vstack(rows)


def write_demo(seed: int, folder: Path) -> None:
    """The demo inputs that the repository ships: shelf.jpg, belt.mp4, crops.jpg, with truth."""
    write_scene(shelf(seed, garments=True), folder / "shelf.jpg", quality=80)
    write_clip(seed, folder / "belt.mp4")
    write_jpeg(folder / "crops.jpg", contact_sheet(seed), 80)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m calib_data.scenes",
        description="Draw scenes with known truth. Every picture is made here; none is a photo.",
    )
    parser.add_argument(
        "what",
        choices=[*SCENES, "crops", "tiles", "clip", "demo"],
        help="shelf, rail, belt: 4K frames (.jpg + .json); crops: labelled square "
        "views; tiles: labelled parts of --count scenes; clip: a belt clip (.mp4 + .json); "
        "demo: the files in calib_data/demo",
    )
    parser.add_argument("--seed", type=int, default=7, help="same seed, same pixels (default 7)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder to write to (default: the current folder; for demo, calib_data/demo)",
    )
    parser.add_argument("--count", type=int, default=1, help="how many scenes or clips (default 1)")
    parser.add_argument("--per-tag", type=int, default=20, help="views of every tag (default 20)")
    parser.add_argument("--size", type=int, default=256, help="px of a view (default 256)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    args = _parser().parse_args(argv)
    out = args.out or (DEMO if args.what == "demo" else Path())
    if args.what == "demo":
        write_demo(args.seed, out)
    elif args.what == "crops":
        count = write_crops(out, args.per_tag, args.seed, args.size)
        sys.stdout.write(f"{count} views in {out}\n")
    elif args.what == "tiles":
        count = write_tiles(out, args.count, args.seed, args.size)
        sys.stdout.write(f"{count} tiles in {out}\n")
    else:
        for seed in tqdm(range(args.seed, args.seed + args.count), unit=args.what, disable=None):
            if args.what == "clip":
                write_clip(seed, out / f"clip-{seed:04d}.mp4")
            else:
                write_scene(SCENES[args.what](seed), out / f"{args.what}-{seed:04d}.jpg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
