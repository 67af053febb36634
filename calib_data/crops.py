"""One thing in a square view, as the tagger's crops show it; and folders of such views."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from calib_data import backdrops, draw_clothes, draw_wear
from calib_data.camera import photograph
from calib_data.cloth import Garment
from calib_data.draw_fish import SPECIES, fish
from calib_data.heaps import LONG, PIECES, UPRIGHT, heap
from calib_data.paint import F32, U8, fit, lay, turn

Rng = np.random.Generator

SEWN = {  # garments whose attributes are known by how they are made
    "T-Shirt": draw_clothes.t_shirt,
    "Pants": draw_clothes.pants,
    "Longsleeve": draw_clothes.longsleeve,
    "Shirt": draw_clothes.shirt,
    "Dress": draw_clothes.dress,
    "Shorts": draw_clothes.shorts,
    "Skirt": draw_clothes.skirt,
    "Hoodie": draw_clothes.hoodie,
    "Polo": draw_clothes.polo,
    "Outwear": draw_clothes.outwear,
}


def _sprite(sew: Callable[[Rng, int], Garment]) -> Callable[[Rng, int], F32]:
    return lambda rng, size: sew(rng, size).sprite


CLOTHES: dict[str, Callable[[Rng, int], F32]] = {
    "T-Shirt": _sprite(draw_clothes.t_shirt),
    "Pants": _sprite(draw_clothes.pants),
    "Longsleeve": _sprite(draw_clothes.longsleeve),
    "Shirt": _sprite(draw_clothes.shirt),
    "Dress": _sprite(draw_clothes.dress),
    "Shorts": _sprite(draw_clothes.shorts),
    "Shoes": draw_wear.shoes,
    "Hat": draw_wear.hat,
    "Skirt": _sprite(draw_clothes.skirt),
    "Hoodie": _sprite(draw_clothes.hoodie),
    "Polo": _sprite(draw_clothes.polo),
    "Outwear": _sprite(draw_clothes.outwear),
}
HUNG = {"T-Shirt", "Longsleeve", "Shirt", "Dress", "Hoodie", "Polo", "Outwear"}
GENERIC = (
    "Carton",
    "Bottle",
    "Price-Tag",
    "Shelf-Edge",
    "Empty-Rail",
    "Empty-Belt",
    "Crate",
    "Wall",
    "Floor",
    "Bed-Sheet",
)
TAGS: dict[str, tuple[str, ...]] = {
    "grocery": tuple(PIECES),
    "clothes": tuple(CLOTHES),
    "fish": tuple(SPECIES),
    "none": GENERIC,
}


def garment(rng: Rng, tag: str, size: int) -> F32:
    """One garment, flat or on a hanger, (H, W, 4)."""
    return _laid_out(rng, tag, CLOTHES[tag](rng, size))


def _laid_out(rng: Rng, tag: str, sprite: F32) -> F32:
    if tag in HUNG and rng.random() < 0.4:
        return draw_wear.on_hanger(rng, sprite)
    return draw_wear.tilted(rng, sprite, 8 if tag in {"Shoes", "Hat"} else 25)


def crop(head: str, tag: str, seed: int, size: int = 256) -> U8:
    """A view (size, size, 3) RGB of one thing that fills 50 to 95 % of it."""
    if tag not in TAGS.get(head, ()):
        raise ValueError(f"tag: {head}/{tag} is not one that is drawn, expected one of {TAGS}")
    rng = np.random.default_rng([seed, zlib.crc32(f"{head}/{tag}".encode())])
    return _photographed(rng, VIEWS[head](rng, tag, size).astype(np.float32))


def sewn(tag: str, seed: int, size: int = 256) -> tuple[U8, dict[str, str]]:
    """A view of a garment, and what is known of it: see Garment.known. `tag`: one of SEWN."""
    rng = np.random.default_rng([seed, zlib.crc32(f"sewn/{tag}".encode())])
    frame, garment = _ground(rng, tag, size), SEWN[tag](rng, size)
    frame = _set_down(rng, frame, _laid_out(rng, tag, garment.sprite)).astype(np.float32)
    return _photographed(rng, frame), garment.known


def _photographed(rng: Rng, frame: F32) -> U8:
    blur = rng.choice([0.0, 0.5, 0.8, 1.3]) * frame.shape[0] / 256
    return photograph(rng, frame, float(blur), rng.uniform(0.004, 0.03))


def _set_down(rng: Rng, frame: F32, sprite: F32, shadow: float = 0.45) -> F32:
    """The sprite on the frame at 50 to 95 % of its size, sometimes cut by the border."""
    size = frame.shape[0]
    share = rng.uniform(0.70, 0.97) * size
    sprite = fit(sprite, share, share)
    room = size - np.array(sprite.shape[1::-1])
    spread = 0.5 if rng.random() < 0.75 else 0.72
    x, y = (room / 2 + rng.uniform(-1, 1, 2) * np.maximum(room * spread, size * 0.02)).astype(int)
    lay(frame, sprite, int(x), int(y), shadow)
    return frame


def _produce_view(rng: Rng, tag: str, size: int) -> F32:
    large = tag in LONG or tag in UPRIGHT
    each = int(size * (rng.uniform(0.45, 0.85) if large else rng.uniform(0.28, 0.62)))
    if rng.random() < 0.2:
        frame = backdrops.mixed_ground(rng, size, size, "wall wood wood tiles")
        wide, tall = int(each * rng.uniform(1.2, 1.8)), int(each * 1.2)
        return _set_down(rng, frame, heap(rng, tag, wide, tall, each, 2))
    frame = backdrops.mixed_ground(rng, size, size, "wall wood")
    box = int(size * rng.uniform(0.85, 1.25))
    x, y = rng.integers(min(0, size - box), max(0, size - box) + 1, 2)
    lay(frame, backdrops.crate(rng, box, box), int(x), int(y), 0.3)
    fill = int(box * rng.uniform(0.86, 0.94))
    pile = heap(rng, tag, fill, fill, min(each, fill), 3)
    lay(frame, pile, int(x + (box - fill) / 2), int(y + (box - fill) * 0.3), 0.3)
    return frame


def _clothes_view(rng: Rng, tag: str, size: int) -> F32:
    frame = _ground(rng, tag, size)
    return _set_down(rng, frame, garment(rng, tag, size))


def _ground(rng: Rng, tag: str, size: int) -> F32:
    """Where a garment lies or hangs."""
    frame = backdrops.mixed_ground(rng, size, size, "wall wall bed bed wood tiles")
    if tag in HUNG and rng.random() < 0.15:
        frame = backdrops.empty_rail(rng, size, size)
    return frame


def _fish_view(rng: Rng, tag: str, size: int) -> F32:
    frame = backdrops.mixed_ground(rng, size, size, "belt belt wood wall bed")
    bend, wave = rng.uniform(-0.12, 0.12), rng.uniform(-0.025, 0.025)
    sprite = fish(rng, tag, size * 0.85, bend, wave).sprite
    if rng.random() < 0.5:
        sprite = sprite[:, ::-1]
    angle = rng.uniform(-25, 25) if rng.random() < 0.7 else rng.uniform(-180, 180)
    return _set_down(rng, frame, turn(sprite, angle))


def _none_view(rng: Rng, tag: str, size: int) -> F32:
    if tag in PLAIN:
        return PLAIN[tag](rng, size)
    frame = backdrops.mixed_ground(rng, size, size, "wall wood tiles")
    draw, slim = OBJECTS[tag]
    for _ in range(int(rng.integers(1, 4))):
        wide = int(size * rng.uniform(0.5, 0.9))
        sprite = draw(rng, max(12, int(wide * slim * rng.uniform(0.8, 1.3))), wide)
        at = rng.uniform(-0.1, 0.4, 2) * size
        lay(frame, turn(sprite, rng.uniform(-6, 6)), int(at[0]), int(at[1]), 0.4)
    return frame


def _edge_view(rng: Rng, size: int) -> F32:
    frame = backdrops.mixed_ground(rng, size, size, "wall wood")
    tall, y = int(size * rng.uniform(0.2, 0.5)), int(size * rng.uniform(0.1, 0.5))
    frame[:y] *= 0.5
    frame[y : y + tall] = backdrops.shelf_edge(rng, tall, size)
    return frame


OBJECTS = {
    "Carton": (backdrops.carton, 0.8),
    "Bottle": (backdrops.bottle, 0.38),
    "Price-Tag": (backdrops.price_tag, 1.4),
    "Crate": (backdrops.crate, 1.3),
}
PLAIN = {
    "Shelf-Edge": _edge_view,
    "Empty-Rail": lambda rng, size: backdrops.empty_rail(rng, size, size),
    "Empty-Belt": lambda rng, size: backdrops.mixed_ground(rng, size, size, "belt"),
    "Wall": lambda rng, size: backdrops.mixed_ground(rng, size, size, "wall"),
    "Floor": lambda rng, size: backdrops.mixed_ground(rng, size, size, "tiles wood"),
    "Bed-Sheet": lambda rng, size: backdrops.mixed_ground(rng, size, size, "bed"),
}
VIEWS = {
    "grocery": _produce_view,
    "clothes": _clothes_view,
    "fish": _fish_view,
    "none": _none_view,
}


def write_crops(folder: Path, per_tag: int, seed: int, size: int = 256) -> int:
    """Views of every tag as folder/images/*.jpg and folder/labels.jsonl; gives their number."""
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for head, tag, order in tqdm(every_crop(per_tag), unit="view", disable=None):
        name = f"images/{head}-{tag}-{order:05d}.jpg"
        pixels = crop(head, tag, seed * 1_000_003 + order, size)
        write_jpeg(folder / name, pixels, 92)
        rows.append({"file": name, "head": head, "tag": "none" if head == "none" else tag})
    write_labels(folder, rows)
    return len(rows)


def write_labels(folder: Path, rows: Sequence[dict[str, str]]) -> None:
    """folder/labels.jsonl, whole or not at all."""
    part = folder / "labels.jsonl.part"
    part.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    part.replace(folder / "labels.jsonl")


def every_crop(per_tag: int) -> list[tuple[str, str, int]]:
    """Head, tag and order of every view `write_crops` writes."""
    return [(h, t, n) for h, tags in TAGS.items() for t in tags for n in range(per_tag)]


def write_jpeg(path: Path, pixels: U8, quality: int) -> None:
    """Pixels (H, W, 3) RGB as a JPEG."""
    done, buffer = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"{path}: {pixels.shape} cannot be written as a JPEG")
    path.write_bytes(buffer.tobytes())
