"""What a camera adds: uneven light, colour cast, blur, noise, perspective."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calib_data.paint import F32, U8

Rng = np.random.Generator

BALANCES = {  # of white, off by so much: what red, green and blue are multiplied by, before gamma
    "as drawn": (1.0, 1.0, 1.0),
    "warm": (1.15, 1.0, 0.80),
    "cold": (0.87, 1.0, 1.18),
    "greenish": (0.95, 1.08, 0.95),
}


def photograph(rng: Rng, frame: F32, blur_px: float, noise_level: float) -> U8:
    """A frame (H, W, 3) 0..1 as a camera gives it, uint8: light, cast, blur, sensor noise."""
    height, width = frame.shape[:2]
    corners = rng.uniform(0.78, 1.14, (2, 2)).astype(np.float32) * rng.uniform(0.86, 1.08)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    cast = 1 + rng.uniform(-0.05, 0.05, 3).astype(np.float32)
    out = frame * cv2.merge([light * gain for gain in cast])
    if blur_px > 0.25:
        out = cv2.GaussianBlur(out, (0, 0), blur_px)
    seed = rng.standard_normal((min(height, 512), min(width, 512), 3), np.float32) * noise_level
    tiled = np.tile(seed, (-(-height // seed.shape[0]), -(-width // seed.shape[1]), 1))
    out += tiled[:height, :width]
    return np.clip(out * 255 + 0.5, 0, 255).astype(np.uint8)


def balanced(rgb: U8, balance: str) -> U8:
    """What a camera with another white balance gives; `balance` is one of BALANCES."""
    linear = (rgb.astype(np.float32) / 255) ** 2.2 * np.array(BALANCES[balance], np.float32)
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def oblique(rng: Rng, width: int, height: int, strength: float) -> NDArray[np.float64]:
    """A homography (3, 3) of a camera that stands a little to one side; the frame stays full."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    reach = np.array([width, height]) * strength
    outward = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    moved = corners + outward * rng.uniform(0.05, 1.0, (4, 2)) * reach
    return cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
