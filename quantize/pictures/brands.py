"""Brand marks as a camera sees them, for an embedding that tells marks apart:
`python -m quantize.pictures.brands ../shared/data/photos --out build/marks`.

Each mark is a class with a look of its own (its colours, a word beside it or none), seen on cards,
cloth and photos, from the side, small, badly lit. The head that learns them teaches the
embedding and does not ship: `edge-tag enroll` makes galleries from the embedding alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from calib_data import cloth
from calib_data.crops import write_jpeg
from calib_data.cutouts import canvas_files, photo
from calib_data.icons import icon, names
from calib_data.marks import FONTS, mark
from edge.records import F32, U8
from quantize.pictures.samples import BRANDS

Rng = np.random.Generator
Colour = tuple[int, int, int]

SIDE = 224  # px
FILLS = (0.45, 1.1)  # of the picture's side, a mark
LOYAL = 0.75  # of the views show a mark in its own colours
CARD = 0.6  # of them show it on a card of its ground, as on a sign or a carton
INVENTED = 1 / 4  # of the classes are made-up marks: mostly words
SHARE = 0.5  # of them an epoch shows
STREAM = 0xB4A2D
WHITE, BLACK = (250, 250, 250), (14, 14, 14)


class BrandLook(msgspec.Struct, frozen=True, eq=False):
    """What a class looks like, whatever it is seen on."""

    ink: F32 | None  # (h, w, 1) 0..1; None: `sheet` has its own colours
    colours: tuple[Colour, Colour]  # ink, ground
    sheet: U8 | None = None  # (h, w, 3)


def look_of(number: int, slugs: Sequence[str]) -> BrandLook:
    """A class by its number: an icon, alone or with its name, or a made-up mark."""
    draw = np.random.default_rng([STREAM, number])
    if number >= len(slugs):
        sheet = mark(20_000 + number)
        return BrandLook(None, (BLACK, WHITE), sheet)
    found = icon(slugs[number], 200)
    ink = _named(found.ink, found.title, draw) if draw.random() < 0.5 else found.ink
    styles = ((found.colour, WHITE), (WHITE, found.colour), (BLACK, WHITE))
    return BrandLook(ink, _told_apart(styles[int(draw.choice(3, p=(0.5, 0.35, 0.15)))]))


def view(look: BrandLook, photos: Sequence[Path], draw: Rng) -> U8:
    """(SIDE, SIDE, 3) RGB: the look on something, from somewhere."""
    under = _under(photos, draw)
    rgb, alpha = sprite(look, draw)
    at = _corners(alpha.shape[1], alpha.shape[0], draw)
    size = alpha.shape[1], alpha.shape[0]
    box = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
    turn = cv2.getPerspectiveTransform(box, at)
    over = cv2.warpPerspective(rgb, turn, (SIDE, SIDE), flags=cv2.INTER_AREA)
    share = cv2.warpPerspective(alpha, turn, (SIDE, SIDE), flags=cv2.INTER_AREA)[..., None]
    return _seen(under + (over - under) * share, draw)


def write(photos: Sequence[Path], count: int, views: int, seed: int, out: Path) -> None:
    """`views` pictures of each of `count` classes, with labels.jsonl."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    known = names()
    icons = min(len(known), round(count * (1 - INVENTED)))
    order = np.random.default_rng([STREAM, seed]).permutation(len(known))[:icons]
    slugs, rows = [known[n] for n in order], []
    for number in tqdm(range(count), "marks", disable=None):
        look, draw = look_of(number, slugs), np.random.default_rng([STREAM, seed, number])
        for n in range(views):
            name = f"images/{number:04d}-{n:02d}.jpg"
            write_jpeg(out / name, view(look, photos, draw), int(draw.integers(60, 96)))
            rows.append({"file": name, "head": BRANDS, "tag": f"{number:04d}", "split": "train",
                         "share": SHARE, "trust": 0.5})  # fmt: skip
    (out / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")


def _told_apart(colours: tuple[Colour, Colour]) -> tuple[Colour, Colour]:
    """White on yellow is nobody's mark."""
    light = [0.3 * r + 0.59 * g + 0.11 * b for r, g, b in colours]
    dark_on = (colours[0], WHITE) if light[0] < 128 else (colours[0], BLACK)
    return colours if abs(light[0] - light[1]) > 60 else dark_on


def _named(ink: F32, title: str, draw: Rng) -> F32:
    """With its name beside it or below."""
    font = FONTS[int(draw.integers(len(FONTS)))]
    text, thick = title[:14], int(draw.integers(6, 16))
    (width, height), below = cv2.getTextSize(text, font, 3.0, thick)
    sheet = np.zeros((height + below + 16, width + 16), np.uint8)
    cv2.putText(sheet, text, (8, height + 8), font, 3.0, 255, thick, cv2.LINE_AA)
    word = sheet.astype(np.float32) / 255
    if draw.random() < 0.5:
        tall = int(ink.shape[0] * draw.uniform(0.3, 0.9))
        word = cv2.resize(word, (max(1, word.shape[1] * tall // word.shape[0]), tall))
        return _joined(ink[..., 0], word, 1)
    wide = int(ink.shape[1] * draw.uniform(0.9, 1.8))
    word = cv2.resize(word, (wide, max(1, word.shape[0] * wide // word.shape[1])))
    return _joined(ink[..., 0], word, 0)


def _joined(one: F32, other: F32, axis: int) -> F32:
    """In the middle of one another along the other axis, with a gap."""
    long = max(one.shape[1 - axis], other.shape[1 - axis])
    parts = []
    for part in (one, np.zeros((12, 12), np.float32), other):
        room = long - part.shape[1 - axis]
        pad = [(0, 0), (0, 0)]
        pad[1 - axis] = (room // 2, room - room // 2)
        parts.append(np.pad(part, pad))
    return np.concatenate(parts, axis)[..., None]


def sprite(look: BrandLook, draw: Rng) -> tuple[F32, F32]:
    """Colours (h, w, 3) and how much they cover (h, w), 0..1."""
    if look.ink is None:
        sheet = np.asarray(look.sheet, np.float32)
        return sheet, np.ones(sheet.shape[:2], np.float32)
    ink, ground = look.colours
    if draw.random() > LOYAL:
        ink, ground = ((ground, ink), (WHITE, BLACK), (BLACK, WHITE), _any(draw))[draw.integers(4)]
    if draw.random() > CARD:
        return np.full((*look.ink.shape[:2], 3), ink, np.float32), look.ink[..., 0]
    pad = int(max(look.ink.shape) * draw.uniform(0.03, 0.3))
    covered = np.pad(look.ink, ((pad, pad), (pad, pad), (0, 0)))
    rgb = np.asarray(ground, np.float32) * (1 - covered) + np.asarray(ink, np.float32) * covered
    return rgb, np.ones(rgb.shape[:2], np.float32)


def _any(draw: Rng) -> tuple[Colour, Colour]:
    one = tuple(int(c) for c in draw.integers(0, 256, 3))
    return _told_apart((one, WHITE if draw.random() < 0.5 else BLACK))  # type: ignore[arg-type]


def _corners(width: int, height: int, draw: Rng) -> F32:
    """(4, 2) where the corners of a sprite come to lie: turned, from the side, off the middle."""
    long = SIDE * float(np.exp(draw.uniform(*np.log(FILLS))))
    half = np.array([width, height]) * long / max(width, height) / 2
    half *= np.exp(draw.normal(0, 0.08, 2))
    box = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    angle = np.radians(draw.normal(0, 8))
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    off = draw.normal(0, 0.04, 2) * SIDE + SIDE / 2
    return np.asarray(box @ turn + draw.normal(0, 0.035, (4, 2)) * long + off, np.float32)


def _under(photos: Sequence[Path], draw: Rng) -> F32:
    """(SIDE, SIDE, 3): a piece of a photo, cloth, or one colour."""
    kind = draw.random()
    if kind < 0.45 and photos:
        rgb = photo(photos[draw.integers(len(photos))])
        side = int(min(rgb.shape[:2]) * draw.uniform(0.08, 0.6))
        y, x = (int(draw.integers(room - side + 1)) for room in rgb.shape[:2])
        part = rgb[y : y + side, x : x + side]
        shrunk = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, np.float32)
    if kind < 0.75:
        rows = 255 * cloth.weave(draw, SIDE, cloth.dye(draw), "plain")
        return rows * cloth.folds(draw, SIDE, float(draw.uniform(0.05, 0.25)), 0.5)[..., None]
    return np.full((SIDE, SIDE, 3), draw.uniform(0, 255, 3), np.float32)


def _seen(rgb: F32, draw: Rng) -> U8:
    """Lit from one side, small, blurred, with a sensor's noise."""
    slope = draw.normal(0, 0.15, 2)
    y, x = np.mgrid[-0.5 : 0.5 : SIDE * 1j, -0.5 : 0.5 : SIDE * 1j]
    light = (draw.uniform(0.6, 1.2) + slope[0] * x + slope[1] * y)[..., None]
    lit = np.asarray(rgb * light, np.float32)
    if draw.random() < 0.6:
        side = int(np.exp(draw.uniform(np.log(28), np.log(SIDE))))
        small = cv2.resize(lit, (side, side), interpolation=cv2.INTER_AREA)
        lit = np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
    lit += draw.normal(0, draw.uniform(0, 6), lit.shape).astype(np.float32)
    return np.clip(lit, 0, 255).astype(np.uint8)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder of photos to put marks on")
    parser.add_argument("--marks", type=int, default=900, help="classes (default 900)")
    parser.add_argument("--views", type=int, default=8, help="of each (default 8)")
    parser.add_argument("--seed", type=int, default=3, help="same seed, same pixels (default 3)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    write(canvas_files(args.photos), args.marks, args.views, args.seed, args.out)


if __name__ == "__main__":
    main()
