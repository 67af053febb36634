"""Crops to learn outlines from: rendered fish on many grounds, others beside and over them.

The truth is the drawing's own alpha. A fish may be pale, dark, blurred, or hardly differ from what
lies behind it: a mask that needs a fine belt and good light is no better than its colours.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import msgspec
import numpy as np

from calib_data import backdrops
from calib_data.belts import turned
from calib_data.camera import photograph
from calib_data.draw_fish import SPECIES, fish
from calib_data.paint import lay
from edge.records import F32, U8

Rng = np.random.Generator
GROUNDS = (
    (0.24, 0.42, 0.64), (0.74, 0.76, 0.77), (0.92, 0.92, 0.90), (0.12, 0.13, 0.14),
    (0.62, 0.60, 0.50), (0.70, 0.62, 0.36), (0.40, 0.46, 0.40), (0.55, 0.38, 0.25),
)  # fmt: skip
STREAM = 0xF154


class Crop(msgspec.Struct, frozen=True, eq=False):
    """A crop as the network sees it, and its truth."""

    seen: U8  # (side, side, 3)
    mask: U8  # (side, side) 0 or 1: what shows of the fish that is meant
    length_px: float  # of its midline, snout to fork
    is_hidden: bool  # another one lies over a part of it


def crops(seed: int, count: int, side: int) -> Iterator[Crop]:
    """`count` of them; the same for the same seed."""
    for n in range(count):
        yield crop(np.random.default_rng([STREAM, seed, n]), side)


def crop(rng: Rng, side: int) -> Crop:
    """One fish in the middle, with a margin like that of a device's crop."""
    canvas = _ground(rng, side)
    length = side * rng.uniform(0.55, 0.86)
    drawn = fish(rng, str(rng.choice(list(SPECIES))), length, rng.uniform(-0.14, 0.14),
                 rng.uniform(-0.03, 0.03))  # fmt: skip
    drawn = turned(drawn, rng.uniform(0, 360))
    sprite = _faded(rng, drawn.sprite, canvas)
    height, width = sprite.shape[:2]
    x = int((side - width) / 2 + rng.uniform(-0.05, 0.05) * side)
    y = int((side - height) / 2 + rng.uniform(-0.05, 0.05) * side)
    for _ in range(int(rng.integers(0, 3))):
        _another(rng, canvas, side, rng.uniform(0.45, 0.8))
    lay(canvas, sprite, x, y, rng.uniform(0, 0.5))
    mask = _placed(sprite[..., 3], x, y, side)
    whole = mask.sum()
    if rng.random() < 0.3:
        over = _another(rng, canvas, side, rng.uniform(0.35, 0.6))
        mask &= 1 - over
    pixels = photograph(rng, canvas, rng.uniform(0, 1.2), rng.uniform(0.002, 0.03))
    return Crop(pixels, mask, float(length), bool(mask.sum() < 0.97 * whole))


def _ground(rng: Rng, side: int) -> F32:
    colour = np.clip(np.array(GROUNDS[rng.integers(len(GROUNDS))]) * rng.uniform(0.7, 1.15), 0, 1)
    colour = (colour + rng.uniform(-0.06, 0.06, 3)).clip(0, 1).astype(np.float32)
    kind = int(rng.integers(5))
    if kind == 0:
        return backdrops.belt_ground(rng, side, side, colour, side * rng.uniform(0.1, 0.4))
    if kind == 1:
        return backdrops.wood(rng, side, side, colour, int(rng.integers(1, 5)))
    if kind == 2:
        return backdrops.cloth_bed(rng, side, side, colour)
    return backdrops.surface(rng, side, side, colour, rng.uniform(0.01, 0.12))


def _faded(rng: Rng, sprite: F32, canvas: F32) -> F32:
    """Nearer to grey, to the ground, darker or lighter; a third stays as drawn."""
    if rng.random() < 0.33:
        return sprite
    out = sprite.copy()
    grey = out[..., :3].mean(2, keepdims=True)
    out[..., :3] += (grey - out[..., :3]) * rng.uniform(0, 0.9)
    behind = canvas.reshape(-1, 3).mean(0)
    out[..., :3] += (behind - out[..., :3]) * rng.uniform(0, 0.65)
    out[..., :3] = np.clip(out[..., :3] * rng.uniform(0.6, 1.3), 0, 1)
    return out


def _another(rng: Rng, canvas: F32, side: int, share: float) -> U8:
    """A fish that is not meant, near the rim; gives what it covers."""
    drawn = turned(fish(rng, str(rng.choice(list(SPECIES))), side * share), rng.uniform(0, 360))
    angle = rng.uniform(0, 2 * np.pi)
    at = side / 2 + side * rng.uniform(0.34, 0.55) * np.array([np.cos(angle), np.sin(angle)])
    x, y = (at - np.array(drawn.sprite.shape[1::-1]) / 2).astype(int)
    lay(canvas, drawn.sprite, int(x), int(y), 0.3)
    return _placed(drawn.sprite[..., 3], int(x), int(y), side)


def _placed(alpha: F32, x: int, y: int, side: int) -> U8:
    """Where a sprite covers at least half of a pixel of the canvas."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return (cv2.warpAffine(alpha, matrix, (side, side)) >= 0.5).astype(np.uint8)
