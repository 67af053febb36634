"""Square parts of rendered scenes, labelled where the truth leaves no doubt: a tagger's tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from calib_data.belts import belt
from calib_data.crops import write_jpeg, write_labels
from calib_data.paint import U8
from calib_data.rails import rail
from calib_data.shelves import shelf
from calib_data.stage import Scene, Thing

SIZE = (1920, 1080)  # px of a scene: a tile of it has what a 4K tile has after resizing
TILES = 60  # tries a scene; some show too much or too little to be labelled
SIDES = (0.25, 0.55)  # of a tile, as a share of the scene's height
SCENES = {"shelf": (shelf, 0.6), "rail": (rail, 0.2), "belt": (belt, 0.2)}  # and their shares

FILLS = 0.15  # of the tile: the least that names it
ALONE = 3.0  # times what any other thing fills
SHOWS = 0.3  # of the thing: less is hard to know even for a person
NOTHING = 0.01  # of the tile: what may hide in one that shows nothing


def label(things: Sequence[Thing], x: int, y: int, side: int) -> tuple[str, str] | None:
    """(head, tag) of a tile; ("none", "none") for one that shows nothing; None where in doubt."""
    filled = {(t.head, t.tag): 0.0 for t in things}
    shown = dict.fromkeys(filled, 0.0)
    for thing in things:
        share = _overlap(thing, x, y, side)
        key = (thing.head, thing.tag)
        filled[key] += share / side**2
        shown[key] = max(shown[key], share / _area(thing))
    first, second = sorted([*filled.values(), 0.0, 0.0], reverse=True)[:2]
    if first < NOTHING:
        return "none", "none"
    best = max(filled, key=filled.__getitem__)
    is_clear = first >= max(FILLS, ALONE * second) and shown[best] >= SHOWS
    return best if is_clear else None


def tiles(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[U8, str, str]]:
    """Labelled tiles of a scene: pixels (side, side, 3), head, tag."""
    height, width = scene.pixels.shape[:2]
    for _ in range(TILES):
        side = int(height * rng.uniform(*SIDES))
        x, y = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        found = label(scene.things, x, y, side)
        if found:
            yield scene.pixels[y : y + side, x : x + side], *found


def write_tiles(folder: Path, scenes: int, seed: int, size: int = 256) -> int:
    """Tiles of `scenes` scenes as folder/images/*.jpg and folder/labels.jsonl; gives their number.

    A whole shelf or rail is written too, as "none": many things are not one of them.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    for kind, (draw, share) in SCENES.items():
        for n in tqdm(range(round(scenes * share)), kind, unit="scene", disable=None):
            rng = np.random.default_rng((seed, n))
            scene = draw(seed * 1_000_003 + n, SIZE)
            found = list(tiles(scene, rng))
            if kind != "belt":
                found.append((scene.pixels, "none", "none"))
            for i, (pixels, head, tag) in enumerate(found):
                name = f"images/{kind}-{n:04d}-{i:02d}.jpg"
                view = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
                write_jpeg(folder / name, view, 92)
                rows.append({"file": name, "head": head, "tag": tag})
    write_labels(folder, rows)
    return len(rows)


def _overlap(thing: Thing, x: int, y: int, side: int) -> int:
    x0, y0, x1, y1 = thing.box
    wide, tall = min(x1, x + side) - max(x0, x), min(y1, y + side) - max(y0, y)
    return max(0, wide) * max(0, tall)


def _area(thing: Thing) -> int:
    x0, y0, x1, y1 = thing.box
    return (x1 - x0) * (y1 - y0)
