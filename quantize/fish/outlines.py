"""Crops to learn outlines from: fish on many grounds, other fish and things beside and over them.

Grounds are rendered, or photographs; fish are rendered, their skins' texture often a photograph's.
The truth is the drawing's own alpha. A fish may be pale, dark, blurred, or hardly differ from what
lies behind it: a mask that needs a fine belt and good light is no better than its colours.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from calib_data import backdrops
from calib_data.belts import turned
from calib_data.draw_fish import SPECIES, Fish, fish
from calib_data.paint import lay, noise, trim, turn
from edge.records import F32
from quantize.fish import strewn
from quantize.fish.grounds import Grounds
from quantize.fish.shots import MASK, Crop, beyond, planes_of, rimmed, shot
from quantize.fish.skins import bowed

Rng = np.random.Generator
GROUNDS = (
    (0.24, 0.42, 0.64), (0.74, 0.76, 0.77), (0.92, 0.92, 0.90), (0.12, 0.13, 0.14),
    (0.62, 0.60, 0.50), (0.70, 0.62, 0.36), (0.40, 0.46, 0.40), (0.55, 0.38, 0.25),
)  # fmt: skip
STREAM = 0xF154
PHOTOGRAPHED = 0.55  # of the grounds, where there are any
EMPTY = 0.12  # of the others: what lies in the middle is no fish
REAL = 0.55  # of the fish, where there are cutouts
FAR = 0.4  # of the crops: a frame as a whole, fish anywhere or none
NONE = Grounds()


def crops(seed: int, count: int, side: int, grounds: Grounds = NONE) -> Iterator[Crop]:
    """`count` of them; the same for the same seed and grounds."""
    for n in range(count):
        rng = np.random.default_rng([STREAM, seed, n])
        yield (far if rng.random() < FAR else crop)(rng, side, grounds)


def crop(rng: Rng, side: int, grounds: Grounds = NONE) -> Crop:
    """One fish in the middle, with a margin like that of a device's crop; or none there."""
    canvas, every = ground(rng, side, grounds), np.zeros((side, side), np.float32)
    _strew(rng, canvas, grounds)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        every = _over(every, _another(rng, canvas, side, rng.uniform(0.45, 0.8), grounds))
    if rng.random() < EMPTY:
        strewn.something(rng, canvas, ground(rng, side, grounds), 0.0)
        return Crop(shot(rng, canvas), planes_of(np.zeros_like(every), every), False, False)
    sprite = posed(rng, side * rng.uniform(0.55, 0.86), canvas, grounds)
    height, width = sprite.shape[:2]
    x, y = (int((side - s) / 2 + rng.uniform(-0.07, 0.07) * side) for s in (width, height))
    lay(canvas, sprite, x, y, rng.uniform(0, 0.5))
    meant = placed(sprite[..., 3], x, y, side)
    every, whole = _over(every, meant), float(meant.sum())
    if rng.random() < 0.25:
        over = _another(rng, canvas, side, rng.uniform(0.35, 0.7), grounds)
        meant, every = meant * (1 - over), _over(every, over)
    if rng.random() < 0.3:
        over = strewn.something(rng, canvas, ground(rng, side, grounds), 0.25)
        meant, every = meant * (1 - over), every * (1 - over)
    seen, planes = shot(rng, canvas), planes_of(meant, every)
    if rng.random() < 0.35:
        seen, planes = rimmed(rng, seen, planes)
    return Crop(seen, planes, bool((planes & MASK > 0).sum() < 0.97 * whole), False)


def far(rng: Rng, side: int, grounds: Grounds = NONE) -> Crop:
    """A frame as a whole: fish of any size anywhere, cut by its rim, or none."""
    canvas, every = ground(rng, side, grounds), np.zeros((side, side), np.float32)
    _strew(rng, canvas, grounds)
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
        sprite = posed(rng, side * rng.uniform(0.2, 1.0), canvas, grounds)
        reach = max(0.05, 0.5 - max(sprite.shape[:2]) / side / 2) + rng.choice([0, 0.1])
        at = side * (0.5 + rng.uniform(-reach, reach, 2)) - np.array(sprite.shape[1::-1]) / 2
        x, y = at.astype(int).tolist()
        lay(canvas, sprite, x, y, rng.uniform(0, 0.5))
        every = _over(every, placed(sprite[..., 3], x, y, side))
    if rng.random() < 0.2:
        over = strewn.something(rng, canvas, ground(rng, side, grounds), 0.25)
        every = every * (1 - over)
    seen, planes = shot(rng, canvas), planes_of(np.zeros_like(every), every)
    if rng.random() < 0.6:
        less = int(side * rng.choice([1 / 8, 7 / 32]))
        seen, planes = beyond(seen, planes, less, less)
    return Crop(seen, planes, False, True)


def ground(rng: Rng, side: int, grounds: Grounds) -> F32:
    """A patch of a photograph, or a rendered belt, board, cloth or plain."""
    if grounds.photos and rng.random() < PHOTOGRAPHED:
        return patch(rng, grounds, side)
    colour = np.clip(np.array(GROUNDS[rng.integers(len(GROUNDS))]) * rng.uniform(0.7, 1.15), 0, 1)
    colour = (colour + rng.uniform(-0.06, 0.06, 3)).clip(0, 1).astype(np.float32)
    kind = int(rng.integers(6))
    if kind == 0:
        return backdrops.belt_ground(rng, side, side, colour, side * rng.uniform(0.1, 0.4))
    if kind == 1:
        return backdrops.wood(rng, side, side, colour, int(rng.integers(1, 5)))
    if kind == 2:
        return backdrops.cloth_bed(rng, side, side, colour)
    if kind == 3:
        return strewn.ice(rng, side)
    return backdrops.surface(rng, side, side, colour, rng.uniform(0.01, 0.12))


def patch(rng: Rng, grounds: Grounds, side: int) -> F32:
    """A square of one of them, (side, side, 3) 0..1."""
    whole = grounds.photos[int(rng.integers(len(grounds.photos)))]
    long = max(32, int(min(whole.shape[:2]) * rng.uniform(0.2, 1.0)))
    y, x = (int(rng.integers(0, n - long + 1)) for n in whole.shape[:2])
    square = whole[y : y + long, x : x + long]
    small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def posed(rng: Rng, length: float, canvas: F32, grounds: Grounds) -> F32:
    """A fish of a length in px, slim or stout, bent, turned, anyhow coloured: (H, W, 4)."""
    if grounds.skins and rng.random() < REAL:
        return faded(rng, _skinned(rng, _real(rng, length, grounds), grounds), canvas)
    bend, wave = rng.uniform(-0.14, 0.14), rng.uniform(-0.03, 0.03)
    drawn = fish(rng, str(rng.choice(list(SPECIES))), length, bend, wave)
    height, width = drawn.sprite.shape[:2]
    tall = max(4, round(height * rng.uniform(0.75, 1.25)))
    sprite = np.asarray(cv2.resize(drawn.sprite, (width, tall)), np.float32)
    sprite = turned(Fish(sprite, drawn.midline), rng.uniform(0, 360)).sprite
    return faded(rng, _skinned(rng, sprite, grounds), canvas)


def _real(rng: Rng, length: float, grounds: Grounds) -> F32:
    """A cutout likewise, its contrast as far out of the water as it may be."""
    skin = grounds.skins[int(rng.integers(len(grounds.skins)))]
    sprite = skin.sprite.astype(np.float32) / 255
    wide = max(8, round(length))
    tall = max(4, round(wide * sprite.shape[0] / sprite.shape[1] * rng.uniform(0.75, 1.25)))
    sprite = np.asarray(cv2.resize(sprite, (wide, tall), interpolation=cv2.INTER_AREA))
    sprite = sprite[:: rng.choice([-1, 1])]
    inside = sprite[..., 3] > 0.5
    middle = sprite[inside, :3].mean(0) if inside.any() else np.float32(0.5)
    bright = rng.uniform(0.2, 0.75, 3).mean() + rng.uniform(-0.06, 0.06, 3)
    sprite[..., :3] = (sprite[..., :3] - middle) * rng.uniform(0.8, 2.5) + bright
    sprite[..., :3] = np.clip(sprite[..., :3], 0, 1)
    bent = bowed(sprite, rng.uniform(-0.12, 0.12), rng.uniform(-0.03, 0.03))
    return trim(turn(bent, rng.uniform(0, 360)))


def _skinned(rng: Rng, sprite: F32, grounds: Grounds) -> F32:
    """With the lights and darks of a photograph, or mottled; half stay as drawn."""
    kind = rng.random()
    if kind < 0.5:
        return sprite
    out, size = sprite.copy(), sprite.shape[:2]
    if grounds.photos and kind < 0.75:
        told = patch(rng, grounds, max(size)).mean(2)[: size[0], : size[1]]
        texture = (told - told.mean()) / (told.std() + 0.05)
    else:
        cell = max(size) / rng.uniform(8, 50)
        texture = 1.5 * noise(rng, *size, cell, cell)
    out[..., :3] *= 1 + rng.uniform(0.1, 0.5) * texture[..., None]
    return np.clip(out, 0, 1)


def faded(rng: Rng, sprite: F32, canvas: F32) -> F32:
    """Nearer to grey, to the ground, darker or lighter; a quarter stays as drawn."""
    if rng.random() < 0.25:
        return sprite
    out = sprite.copy()
    grey = out[..., :3].mean(2, keepdims=True)
    out[..., :3] += (grey - out[..., :3]) * rng.uniform(0, 0.9)
    behind = canvas.reshape(-1, 3).mean(0)
    out[..., :3] += (behind - out[..., :3]) * rng.uniform(0, 0.6)
    out[..., :3] = np.clip(out[..., :3] * rng.uniform(0.5, 1.35), 0, 1)
    return out


def _strew(rng: Rng, canvas: F32, grounds: Grounds) -> None:
    if rng.random() < 0.2:
        strewn.ruler(rng, canvas)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        strewn.something(rng, canvas, ground(rng, canvas.shape[0], grounds), 0.25)


def _another(rng: Rng, canvas: F32, side: int, share: float, grounds: Grounds) -> F32:
    """A fish that is not meant, near the rim; gives what it covers."""
    sprite = posed(rng, side * share, canvas, grounds)
    angle = rng.uniform(0, 2 * np.pi)
    at = side / 2 + side * rng.uniform(0.3, 0.55) * np.array([np.cos(angle), np.sin(angle)])
    x, y = (at - np.array(sprite.shape[1::-1]) / 2).astype(int).tolist()
    lay(canvas, sprite, x, y, rng.uniform(0, 0.5))
    return placed(sprite[..., 3], x, y, side)


def placed(alpha: F32, x: int, y: int, side: int) -> F32:
    """What a sprite covers of each pixel of the canvas."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return np.asarray(cv2.warpAffine(alpha, matrix, (side, side)), np.float32)


def _over(first: F32, second: F32) -> F32:
    return np.maximum(first, second)
