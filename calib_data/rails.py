"""A clothes shop wall: garments on a rail, folded ones on a board, shoes and hats below."""

from __future__ import annotations

import numpy as np

from calib_data import backdrops
from calib_data.camera import oblique
from calib_data.crops import CLOTHES, HUNG
from calib_data.draw_wear import on_hanger
from calib_data.paint import F32, fit, jitter, join
from calib_data.stage import Scene, Stage, Thing

Rng = np.random.Generator
NOWHERE = (0, 0, 0, 0)
FOLDABLE = ("T-Shirt", "Shirt", "Polo", "Hoodie")  # a folded Longsleeve looks like a T-Shirt
CLIPPED = ("Pants", "Skirt", "Shorts")


def rail(seed: int, size: tuple[int, int] = (3840, 2160)) -> Scene:
    """A clothes rail above a board; `size` is (width, height) in px."""
    rng = np.random.default_rng([seed, 2])
    width, height = size
    wall = backdrops.surface(rng, height, width, jitter(rng, (0.80, 0.78, 0.74), 0.12), 0.06)
    stage = Stage(wall)
    _bar(stage, int(height * 0.055), max(6, height // 110))
    x = width * 0.01
    while x < width * 0.97:
        x += _hang(stage, rng, int(x), int(height * 0.045), height * rng.uniform(0.50, 0.60))
    _board(stage, rng, int(height * 0.86))
    matrix = oblique(rng, width, height, 0.03)
    return stage.shoot(rng, matrix, blur_px=0.7 * width / 3840, noise_level=0.007)


def _bar(stage: Stage, y: int, thick: int) -> None:
    tone = np.concatenate(
        [np.linspace(0.6, 0.95, thick // 3), np.linspace(0.95, 0.35, thick - thick // 3)]
    )
    bar = np.broadcast_to(tone[:, None, None].astype(np.float32), (thick, stage.frame.shape[1], 3))
    stage.put(join(bar, np.ones(bar.shape[:2], np.float32)), 0, y)


def _hang(stage: Stage, rng: Rng, x: int, y: int, tall: float) -> float:
    """One garment on the rail at x; gives the width it takes, in px."""
    tags = sorted(HUNG) + list(CLIPPED)
    tag = str(rng.choice(tags))
    size = int(tall * 0.92)
    sprite = on_hanger(rng, CLOTHES[tag](rng, size))
    sprite = fit(sprite, tall, tall * (0.75 if tag in CLIPPED[1:] else 1.0))
    stage.put(sprite, x, y, Thing("clothes", tag, NOWHERE), 0.45)
    return sprite.shape[1] * rng.uniform(0.72, 1.05)


def folded(rng: Rng, tag: str, size: int) -> F32:
    """A top folded to its collar and chest, (H, W, 4)."""
    sprite = CLOTHES[tag](rng, size)
    part = sprite[: int(size * 0.50), int(size * 0.31) : int(size * 0.69)].copy()
    part[-max(2, size // 60) :, :, :3] *= 0.6
    return fit(part, size * 0.42, size * 0.52)


def _board(stage: Stage, rng: Rng, y: int) -> None:
    """A wooden board at y with folded tops, shoes and hats standing on it."""
    height, width = stage.frame.shape[:2]
    board = backdrops.wood(rng, height - y, width, jitter(rng, (0.56, 0.40, 0.26), 0.08), 3)
    stage.put(join(board, np.ones(board.shape[:2], np.float32)), 0, y)
    x, room = int(width * 0.02), height * 0.25
    while x < width * 0.93:
        tag = str(rng.choice(["Shoes", "Hat", *FOLDABLE]))
        if tag in FOLDABLE:
            sprite = folded(rng, tag, int(room * 1.9))
        else:
            sprite = fit(CLOTHES[tag](rng, int(room * 1.3)), room * 1.3, room * 0.85)
        low = y + int(height * rng.uniform(0.04, 0.10))
        stage.put(sprite, x, low - sprite.shape[0], Thing("clothes", tag, NOWHERE), 0.5)
        x += sprite.shape[1] + int(width * rng.uniform(0.015, 0.04))
