"""Frames of one fish of known length, by shape: what a length head is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib_data import backdrops
from calib_data.belts import turned
from calib_data.draw_fish import SPECIES, fish
from calib_data.paint import F32, jitter
from calib_data.stage import Scene, Stage, Thing

Rng = np.random.Generator
SHAPES = ("straight", "bent", "rotated", "forked", "occluded")
FORKED = ("bream", "nase", "chub")  # the species whose tails are forked deepest
GROUNDS = ((0.90, 0.90, 0.88), (0.24, 0.42, 0.64), (0.30, 0.32, 0.31), (0.80, 0.78, 0.70))
MM_PER_PX = 0.6
TIPS = 0.75  # of the depth of a tail's fork: so far its tips lie behind the fork


@dataclass(frozen=True, slots=True)
class Posed:
    """One fish, as it lies."""

    tag: str
    length_mm: float  # along the midline, snout to fork
    bend: float
    wave: float
    degrees: float

    @property
    def tips_mm(self) -> float:
        """Along the midline, to where it meets the line between the tips of the tail."""
        return self.length_mm * (1 + TIPS * SPECIES[self.tag].fork)


def posed(rng: Rng, shape: str) -> Posed:
    """A fish of a shape, anyhow else."""
    tag = str(rng.choice(FORKED if shape == "forked" else list(SPECIES)))
    bend = rng.choice([-1, 1]) * rng.uniform(0.08, 0.14) if shape == "bent" else rng.normal(0, 0.01)
    wave = rng.uniform(-0.03, 0.03) if shape == "bent" else 0.0
    degrees = rng.uniform(0, 360) if shape == "rotated" else rng.normal(0, 6)
    return Posed(
        tag, float(rng.uniform(*SPECIES[tag].mm)), float(bend), float(wave), float(degrees)
    )


def measured(
    seed: int, shape: str, size: tuple[int, int] = (1280, 960), mm_per_px: float = MM_PER_PX
) -> tuple[Scene, Posed]:
    """A frame of one fish, on a belt or a plain ground; another fish on it where it is occluded."""
    rng = np.random.default_rng([seed, SHAPES.index(shape), 5])
    made = posed(rng, shape)
    stage = Stage(ground(rng, *size))
    put(stage, rng, made, mm_per_px)
    if shape == "occluded":
        _over(stage, rng, mm_per_px)
    return stage.shoot(rng, blur_px=0.7, noise_level=0.008, mm_per_px=mm_per_px), made


def ground(rng: Rng, width: int, height: int) -> F32:
    """A belt without texture, as AutoFish has it, or with links."""
    colour = jitter(rng, GROUNDS[rng.integers(len(GROUNDS))], 0.03)
    if rng.random() < 0.7:
        return backdrops.surface(rng, height, width, colour, 0.04)
    return backdrops.belt_ground(rng, height, width, colour, 60 / MM_PER_PX)


def put(stage: Stage, rng: Rng, made: Posed, mm_per_px: float) -> None:
    """Lay it near the middle; thing 1."""
    drawn = fish(rng, made.tag, made.length_mm / mm_per_px, made.bend, made.wave)
    drawn = turned(drawn, made.degrees)
    height, width = stage.frame.shape[:2]
    tall, wide = drawn.sprite.shape[:2]
    x = int((width - wide) / 2 + rng.uniform(-0.1, 0.1) * max(0, width - wide))
    y = int((height - tall) / 2 + rng.uniform(-0.1, 0.1) * max(0, height - tall))
    long = made.length_mm / mm_per_px
    stage.put(drawn.sprite, x, y, Thing("fish", made.tag, (0, 0, 0, 0), made.length_mm, long), 0.35)


def _over(stage: Stage, rng: Rng, mm_per_px: float) -> None:
    """A second fish across one end of the first: thing 2."""
    rows, columns = np.nonzero(stage.owner == 1)
    end = columns.max() if rng.random() < 0.5 else columns.min()
    at = columns[np.abs(columns - end) < 3].mean(), rows[np.abs(columns - end) < 3].mean()
    tag = str(rng.choice(list(SPECIES)))
    drawn = turned(fish(rng, tag, 260 / mm_per_px), rng.uniform(60, 120))
    x, y = (int(c - s / 2) for c, s in zip(at, drawn.sprite.shape[1::-1]))
    stage.put(drawn.sprite, x, y, Thing("fish", tag, (0, 0, 0, 0), 260.0, 260 / mm_per_px), 0.35)
