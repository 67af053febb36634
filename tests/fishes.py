"""Rendered fish of known length, as masks and as frames."""

from __future__ import annotations

import cv2
import numpy as np

from calib_data.belts import turned
from calib_data.draw_fish import SPECIES, fish
from calib_data.measured import TIPS
from edge.records import F32


def soft_fish(
    tag: str, length_px: float, bend: float = 0.0, wave: float = 0.0, degrees: float = 0.0
) -> F32:
    """(H, W) 0..1: how much of each pixel a fish covers, room around it."""
    drawn = fish(np.random.default_rng(5), tag, length_px, bend, wave)
    return np.pad(turned(drawn, degrees).sprite[..., 3], 20).astype(np.float32)


def tips_px(tag: str, length_px: float) -> float:
    """To the tips, of a fish that is `length_px` to its fork."""
    return length_px * (1 + TIPS * SPECIES[tag].fork)


def band(length: float, wide: float, radius: float, degrees: float) -> F32:
    """(H, W) 0..1: a band with round ends along an arc, or straight (radius inf), turned."""
    side = int(1.4 * length) + 60
    s = np.linspace(-length / 2, length / 2, 400)
    x, y = (s, 0 * s) if np.isinf(radius) else (radius * np.sin(s / radius),
                                               radius * (1 - np.cos(s / radius)))  # fmt: skip
    a = np.radians(degrees)
    line = np.stack([x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)], 1)
    line += side / 2 - line.mean(0)
    big = np.zeros((4 * side, 4 * side), np.uint8)
    points = [np.round((line + 0.5) * 4 * 16 - 8).astype(np.int32)]
    cv2.polylines(big, points, False, 255, round(4 * wide), cv2.LINE_AA, 4)
    return cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
