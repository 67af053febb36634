"""Whole pictures with brand marks that the bundle never learned, to steer by:

    python -m benchmarks.drawn_logos ../shared/data/photos --out build/drawn
    python -m benchmarks.gallery --logos build/drawn --out build/drawn

Icons of Simple Icons (CC0) that `quantize.pictures.brands` left out, each with colours of its own,
on photos: of many sizes, from the side, partly hidden, blurred, badly lit; and pictures without a
mark. Real logos (`python -m benchmarks.gallery`) are for judging; what is chosen is chosen here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from calib_data.crops import write_jpeg
from calib_data.cutouts import canvas_files, photo
from calib_data.icons import names
from edge.records import F32, U8, Box
from quantize.pictures.brands import INVENTED, STREAM, BrandLook, look_of, sprite

Rng = np.random.Generator

LEARNED, SEED = 700, 3  # marks of the bundle that ships: `make build/pictures`
LONG = 500  # px of a picture's longer side, as of FlickrLogos
ASPECTS = (4 / 3, 3 / 4, 3 / 2, 1.0)
FILLS = (0.14, 0.95)  # of the picture's shorter side, a mark's longer one
HIDDEN = 0.2  # of the marks are partly so


def unseen() -> list[str]:
    """Icons that the bundle has not learned, in a mixed order."""
    known = names()
    order = np.random.default_rng([STREAM, SEED]).permutation(len(known))
    return [known[n] for n in order[round(LEARNED * (1 - INVENTED)) :]]


def picture(
    look: BrandLook | None, folders: Sequence[Sequence[Path]], draw: Rng
) -> tuple[U8, list[Box]]:
    """RGB, LONG px on its longer side, and where the mark is; None: no mark."""
    rgb = _ground(folders[draw.integers(len(folders))], draw)
    boxes = [] if look is None else [_put(rgb, look, draw)]
    return _taken(rgb, draw), boxes


def _ground(photos: Sequence[Path], draw: Rng) -> F32:
    """A part of a photo."""
    rgb = photo(photos[draw.integers(len(photos))])
    aspect = ASPECTS[draw.integers(len(ASPECTS))]
    height, width = rgb.shape[:2]
    tall = min(height, width / aspect) * draw.uniform(0.35, 1)
    size = int(tall * aspect), int(tall)
    x, y = (int(draw.integers(room + 1)) for room in (width - size[0], height - size[1]))
    part = rgb[y : y + size[1], x : x + size[0]]
    scale = LONG / max(size)
    shrunk = (round(size[0] * scale), round(size[1] * scale))
    return np.asarray(cv2.resize(part, shrunk, interpolation=cv2.INTER_AREA), np.float32)


def _put(rgb: F32, look: BrandLook, draw: Rng) -> Box:
    """Draw the mark into a picture."""
    over, share = sprite(look, draw)
    height, width = rgb.shape[:2]
    corners = _corners(share.shape[1], share.shape[0], width, height, draw)
    size = share.shape[1], share.shape[0]
    box = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
    turn = cv2.getPerspectiveTransform(box, corners)
    small = max(size) / max(1.0, float(np.ptp(corners, axis=0).max()))
    if small > 2:  # as a lens averages
        over, share = (cv2.blur(a, (int(small), int(small))) for a in (over, share))
    seen = cv2.warpPerspective(over, turn, (width, height))
    alpha = cv2.warpPerspective(share, turn, (width, height))
    x0, y0 = np.maximum(0, np.floor(corners.min(axis=0))).astype(int)
    x1, y1 = np.minimum((width, height), np.ceil(corners.max(axis=0))).astype(int)
    if draw.random() < HIDDEN:
        _hide(alpha, (x0, y0, x1, y1), draw)
    rgb += (seen * draw.uniform(0.7, 1.1) - rgb) * alpha[..., None]
    return int(x0), int(y0), int(x1), int(y1)


def _corners(wide: int, tall: int, width: int, height: int, draw: Rng) -> F32:
    """(4, 2) px: turned, from the side, inside the picture."""
    long = min(width, height) * float(np.exp(draw.uniform(*np.log(FILLS))))
    half = np.array([wide, tall]) * long / max(wide, tall) / 2
    half *= np.exp(draw.normal(0, 0.1, 2))
    angle = np.radians(draw.normal(0, 9))
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    at = flat @ turn + draw.normal(0, 0.05, (4, 2)) * long
    low, high = at.min(axis=0), at.max(axis=0)
    room = np.array([width, height]) - (high - low)
    return np.asarray(at - low + np.maximum(room, 0) * draw.uniform(0, 1, 2), np.float32)


def _hide(alpha: F32, box: Box, draw: Rng) -> None:
    """A part of the mark at one of its sides is behind what the photo shows."""
    x0, y0, x1, y1 = box
    share = draw.uniform(0.1, 0.35)
    side = int(draw.integers(4))
    if side < 2:
        wide = int((x1 - x0) * share)
        alpha[y0:y1, x0 if side else x1 - wide : x0 + wide if side else x1] = 0
    else:
        tall = int((y1 - y0) * share)
        alpha[y0 if side == 2 else y1 - tall : y0 + tall if side == 2 else y1, x0:x1] = 0


def _taken(rgb: F32, draw: Rng) -> U8:
    """Lit, blurred and with noise, as a camera takes it."""
    lit = 255 * (np.clip(rgb, 0, 255) / 255) ** np.exp(draw.normal(0, 0.25))
    if draw.random() < 0.5:
        lit = cv2.GaussianBlur(lit, (0, 0), draw.uniform(0.4, 1.6))
    lit += draw.normal(0, draw.uniform(0, 7), lit.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def write(
    folders: Sequence[Sequence[Path]], out: Path, brands: int, views: int, none: int, seed: int
) -> None:
    """`views` pictures of each of `brands` marks and `none` without, with labels.jsonl."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    slugs, rows = unseen(), []
    shown = [(n, v) for n in range(brands) for v in range(views)] + [(-1, v) for v in range(none)]
    first = seed * brands  # other seeds, other icons
    for number, view in shown:
        draw = np.random.default_rng([STREAM, seed, number + 1, view])
        look = None if number < 0 else look_of(first + number, slugs)
        rgb, boxes = picture(look, folders, draw)
        name = f"images/{number:02d}-{view:03d}.jpg"
        write_jpeg(out / name, rgb, int(draw.integers(60, 96)))
        brand = None if number < 0 else slugs[first + number]
        size = [rgb.shape[1], rgb.shape[0]]
        rows.append({"file": name, "brand": brand, "boxes": boxes, "size": size})
    (out / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="folders of photos to put marks on")
    parser.add_argument("--brands", type=int, default=18)
    parser.add_argument("--views", type=int, default=17, help="pictures of each (default 17)")
    parser.add_argument("--none", type=int, default=80, help="pictures without a mark (80)")
    parser.add_argument("--seed", type=int, default=0, help="another one: other icons (default 0)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    folders = [canvas_files(folder) for folder in args.photos]
    write(folders, args.out, args.brands, args.views, args.none, args.seed)


if __name__ == "__main__":
    main()
