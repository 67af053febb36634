"""The colour of a thing, measured in CIELAB inside its box, as a word.

Pixels vote for the nearest of some named colours. The middle of the box counts more than its
edges, and a colour that the rim of the box has as much of as the middle counts little: it is
likely what lies behind. Where no colour has a good share of the votes, the basic term of several
may: navy and light blue are "blue". Where none has, the thing is "multicolour".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from msgspec.structs import replace

from edge.heads.scores import GARMENTS
from edge.pictures import pixels
from edge.pictures.lab import to_lab_by_hand
from edge.records import F32, U8, Box, Picture, Region, Tag

Key = int | Box  # a thing by its track; a place by where it is

SIDE = 48  # px a side of what is measured
MULTICOLOUR = "multicolour"
LEAST = 0.34  # share of the votes: with less for every colour, it is of many
LIGHT = 0.6  # of lightness in a distance: folds and shadows change it, not the dye
SPREAD = 0.30  # of the box: how far from the middle pixels count
RIM = 0.09  # of the box, on each side: likely background
BINS = (6, 8, 8)  # of L, a, b: which colours are alike when middle and rim are compared
KNOWN = 0.05  # of the votes of the middle, for a colour that the rim has none of

NAMED: dict[str, tuple[tuple[int, int, int], ...]] = {  # sRGB, several where a word is wide
    "black": ((18, 18, 20), (38, 38, 40)),
    "grey": ((88, 88, 90), (128, 128, 130), (165, 165, 165)),
    "white": ((205, 205, 203), (228, 228, 226), (248, 248, 246)),
    "navy": ((28, 34, 62), (38, 48, 88), (24, 29, 44)),
    "blue": ((40, 80, 150), (60, 105, 170), (30, 60, 190), (80, 103, 138), (98, 110, 138)),
    "light blue": ((128, 148, 178), (140, 180, 210), (150, 200, 215), (175, 205, 225)),
    "turquoise": ((50, 160, 160), (90, 190, 185)),
    "green": ((50, 95, 65), (60, 140, 75), (110, 170, 100)),
    "olive": ((80, 90, 55), (105, 108, 65)),
    "beige": ((195, 178, 148), (215, 196, 160), (170, 152, 125)),
    "brown": ((85, 55, 42), (110, 75, 50), (140, 98, 66)),
    "yellow": ((225, 190, 65), (240, 215, 90), (180, 165, 50), (195, 155, 75)),
    "orange": ((215, 110, 55), (235, 140, 60), (228, 160, 125)),
    "red": ((170, 35, 42), (200, 45, 45)),
    "burgundy": ((100, 28, 42), (80, 25, 35)),
    "pink": ((222, 158, 168), (235, 120, 160), (238, 190, 195), (190, 148, 155)),
    "purple": ((100, 72, 128), (140, 105, 165), (62, 36, 72), (165, 150, 205)),
}

BASIC = {  # of the eleven that most languages have, for those that are none of them
    "navy": "blue",
    "light blue": "blue",
    "turquoise": "blue",
    "olive": "green",
    "beige": "brown",
    "burgundy": "red",
}


def coloured(
    picture: Picture, tags: Sequence[Tag], known: Mapping[Key, str]
) -> tuple[tuple[Tag, ...], dict[Key, str]]:
    """Tags of GARMENTS with their colour, the others as they are; and the colours for next time.

    known: of the frame before. A colour is measured when a thing is looked at, not in every frame.
    """
    words: dict[Key, str] = {}
    for tag in tags:
        if tag.head in GARMENTS and (key := _key(tag)) not in words:
            is_old = tag.age_s > 0 and key in known
            words[key] = known[key] if is_old else colour_of(_cut(picture, tag.box))
    told = (replace(tag, colour=words[_key(tag)]) if tag.head in GARMENTS else tag for tag in tags)
    return tuple(told), words


def _key(tag: Tag) -> Key:
    return tag.box if tag.track is None else tag.track


def _cut(picture: Picture, box: Box) -> U8:
    """(SIDE, SIDE, 3) RGB, sampled where the box is large"""
    out = np.empty((SIDE, SIDE, 3), np.uint8)
    pixels.shrink_into(picture, Region(*box), out)
    return out


def colour_of(rgb: U8) -> str:
    """The word for a thing that fills (H, W, 3) RGB pixels, some of which are behind it."""
    found = votes(rgb)
    if found[0][1] >= LEAST:
        return found[0][0]
    shares: dict[str, float] = {}
    for name, share in found:
        term = BASIC.get(name, name)
        shares[term] = shares.get(term, 0.0) + share
    best = max(shares, key=lambda term: shares[term])
    return best if shares[best] >= LEAST else MULTICOLOUR


def votes(rgb: U8) -> list[tuple[str, float]]:
    """Every named colour with its share of the votes, 0..1, the best first."""
    small = rgb
    if rgb.shape[:2] != (SIDE, SIDE):
        small = np.asarray(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    lab = to_lab_by_hand(small)  # (SIDE, SIDE, 3)
    anchors, owner = _anchors()
    weight = (_middle() * _is_thing(lab)).ravel()
    scale = np.array([LIGHT, 1, 1], np.float32)
    seen, known = lab.reshape(-1, 3) * scale, anchors * scale
    # Squared distance, without the part that is the same for every anchor.
    off = (known**2).sum(1) - 2 * seen @ known.T  # (pixels, A)
    nearest = owner[off.argmin(1)]  # (pixels,) a name each
    shares = np.bincount(nearest, weight, len(NAMED)) / max(float(weight.sum()), 1e-9)
    order = np.argsort(-shares, kind="stable")
    names = tuple(NAMED)
    return [(names[i], float(shares[i])) for i in order]


def _is_thing(lab: F32) -> F32:
    """(SIDE, SIDE) 0..1: how much likelier the colour of a pixel is in the middle than on the rim.

    Where rim and middle are alike, every pixel has a half: nothing is lost.
    """
    low, size = np.array([0, -64, -64], np.float32), np.array([100, 128, 128], np.float32)
    cell = np.clip((lab - low) / size * BINS, 0, np.array(BINS) - 1).astype(np.int64)
    code = (cell[..., 0] * BINS[1] + cell[..., 1]) * BINS[2] + cell[..., 2]
    rim = _rim()
    count = int(np.prod(BINS))
    behind = np.bincount(code[rim], minlength=count) / rim.sum()
    middle = _middle() * ~rim
    inside = np.bincount(code.ravel(), middle.ravel(), count) / middle.sum()
    share = inside / np.maximum(inside + behind, 1e-9)
    return np.asarray(np.maximum(share, KNOWN)[code] ** 2, np.float32)


@lru_cache(maxsize=1)
def _middle() -> F32:
    """(SIDE, SIDE): 1 in the middle, little at the corners."""
    along = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    bell = np.exp(-0.5 * (along / SPREAD) ** 2)
    return np.asarray(bell[:, None] * bell, np.float32)


@lru_cache(maxsize=1)
def _rim() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    width = max(1, round(RIM * SIDE))
    found = np.ones((SIDE, SIDE), np.bool_)
    found[width:-width, width:-width] = False
    return found


@lru_cache(maxsize=1)
def _anchors() -> tuple[F32, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """(A, 3) in CIELAB, and of each the index of its name."""
    colours = [(i, c) for i, own in enumerate(NAMED.values()) for c in own]
    rgb = np.array([[c for _, c in colours]], np.uint8)  # (1, A, 3)
    return to_lab_by_hand(rgb)[0], np.array([i for i, _ in colours], np.int64)
