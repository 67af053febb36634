"""Cloth: weave, print, folds; and garments put together from cut pieces."""

from __future__ import annotations

import cv2
import numpy as np

from calib_data.paint import (
    F32,
    Colour,
    add,
    blank,
    ellipse,
    jitter,
    line,
    mix,
    noise,
    polygon,
    step,
    tint,
)

Rng = np.random.Generator
Points = list[tuple[float, float]]

DYES: tuple[Colour, ...] = (
    (0.93, 0.93, 0.91),
    (0.12, 0.12, 0.13),
    (0.14, 0.18, 0.34),
    (0.45, 0.46, 0.48),
    (0.70, 0.14, 0.16),
    (0.24, 0.42, 0.66),
    (0.20, 0.38, 0.26),
    (0.84, 0.76, 0.62),
    (0.88, 0.62, 0.66),
    (0.90, 0.74, 0.24),
    (0.36, 0.22, 0.16),
    (0.40, 0.28, 0.50),
    (0.32, 0.36, 0.22),
    (0.55, 0.75, 0.80),
    (0.86, 0.42, 0.22),
)
DENIM: Colour = (0.22, 0.32, 0.48)
DYE_NAMES = (
    "white", "black", "navy", "grey", "red", "blue", "green", "beige", "pink", "yellow", "brown",
    "purple", "olive", "light blue", "orange",
)  # fmt: skip
PATTERNS = {
    "plain": "plain", "stripes": "striped", "checks": "checked", "dots": "dotted",
    "flowers": "flowered", "denim": "denim",
}  # fmt: skip


def dye(rng: Rng) -> F32:
    """A plain cloth colour, (3,)."""
    return jitter(rng, DYES[rng.integers(len(DYES))], 0.05)


def name_of(colour: F32) -> str:
    """The dye a colour was made from: jitter is smaller than what lies between two."""
    off = np.abs(np.array(DYES, np.float32) - colour).sum(1)
    return DYE_NAMES[int(off.argmin())]


def weave(rng: Rng, size: int, colour: F32, print_: str) -> F32:
    """Cloth of one print, (size, size, 3): plain, stripes, checks, dots, flowers or denim."""
    cloth = np.broadcast_to(colour, (size, size, 3)).astype(np.float32)
    other = dye(rng) if print_ != "checks" else np.clip(colour * 0.45, 0, 1)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    period = rng.uniform(9, 26)
    cloth = mix(cloth, other, _print(rng, print_, x, y, period))
    thread = noise(rng, size, size, 1.5, 1.5) * (0.10 if print_ == "denim" else 0.035)
    return cloth * (1 + thread[..., None])


def _print(rng: Rng, print_: str, x: F32, y: F32, period: float) -> F32:
    across, down = np.cos(x * period * 6.28), np.cos(y * period * 6.28)
    if print_ == "stripes":
        return step(down if rng.random() < 0.7 else across, 0.0, 0.25) * 0.9
    if print_ == "checks":
        return 0.5 * step(across, 0.0, 0.2) + 0.35 * step(down, 0.0, 0.2)
    if print_ == "dots":
        return step(across * down, 0.62, 0.75)
    if print_ == "flowers":
        return step(noise(rng, *x.shape, x.shape[0] / 18, x.shape[0] / 18), 0.35, 0.5)
    return np.zeros_like(x)


def folds(rng: Rng, size: int, depth: float, hang: float) -> F32:
    """How light falls on folds of cloth, (size, size), about 1. `hang` 1: only upright folds."""
    drape = noise(rng, size, size, size * (0.25 + 0.5 * hang), size * 0.10)
    crease = noise(rng, size, size, size * 0.16, size * 0.16)
    slope = np.gradient(drape + 0.6 * crease * (1 - 0.6 * hang), axis=1) * size * 0.10
    dip = np.gradient(crease, axis=0) * size * 0.05 * (1 - hang)
    sharp = noise(rng, size, size, size * 0.13, size * 0.07) + 0.4 * drape
    wrinkle = np.gradient(np.exp(-((sharp / 0.3) ** 2)), axis=1) * size * 0.02
    return 1 + depth * np.clip(slope + dip + wrinkle, -1.5, 1.3)


def curve(points: Points, size: int, *, mirror: bool = False) -> F32:
    """Points of the unit square as pixels (N, 2); `mirror` adds their right-hand image."""
    path = [*points, *[(1 - x, y) for x, y in reversed(points)]] if mirror else points
    return np.array(path, np.float32) * size


def rounded(path: F32, share: float = 0.10) -> F32:
    """A closed outline (N, 2) with every corner cut twice, so that cloth has no sharp corners."""
    for _ in range(2):
        ahead, behind = np.roll(path, -1, axis=0), np.roll(path, 1, axis=0)
        path = np.stack([path + (behind - path) * share, path + (ahead - path) * share], 1)
        path, share = path.reshape(-1, 2), 0.25
    return path


class Garment:
    """A garment being sewn: a sprite (size, size, 4), its cloth and its folds.

    `known`: what is so by construction: pattern, colour (of a cloth in one colour), sleeve, leg,
    neck, closure.
    """

    def __init__(self, rng: Rng, size: int, colour: F32, print_: str, depth: float = 0.16) -> None:
        self.rng, self.size, self.colour = rng, size, colour
        self.cloth = weave(rng, size, colour, print_)
        self.light = folds(rng, size, depth, rng.uniform(0.2, 0.9))
        self.sprite = blank(size, size)
        self.known = {"pattern": PATTERNS[print_]}
        if print_ == "plain":
            self.known["colour"] = name_of(colour)

    def panel(self, outline: F32, shade: float = 1.0, colour: F32 | None = None) -> F32:
        """Sew a piece on; darker toward its edge, a seam around it. Gives its mask (H, W)."""
        outline = rounded(outline)
        mask = polygon(self.size, self.size, outline)
        inner = cv2.GaussianBlur(mask, (0, 0), self.size * 0.014)
        round_ = 0.72 + 0.28 * np.clip(inner * 2 - 1, 0, 1)
        cloth = self.cloth if colour is None else np.asarray(colour, np.float32)
        add(self.sprite, mask, cloth * (self.light * round_ * shade)[..., None])
        edge = line(self.size, self.size, outline, self.size * 0.004, closed=True)
        tint(self.sprite, edge * mask, self.colour * 0.4, 0.45)
        return mask

    def seam(self, points: Points, strength: float = 0.5, width: float = 0.004) -> None:
        """A sewn line through points of the unit square."""
        path = line(self.size, self.size, curve(points, self.size), self.size * width)
        dark = self.colour * 0.45 if self.colour.mean() > 0.25 else self.colour * 0.4 + 0.22
        tint(self.sprite, path, dark, strength)

    def disc(self, x: float, y: float, radius: float, colour: Colour | F32) -> None:
        """A button or an eyelet."""
        at = (x * self.size, y * self.size)
        reach = max(radius * self.size, 1.2)
        dark = ellipse(self.size, self.size, at[0] + 0.6, at[1] + 0.9, reach * 1.15, reach * 1.15)
        tint(self.sprite, dark, (0.05, 0.05, 0.05), 0.6)
        tint(self.sprite, ellipse(self.size, self.size, *at, reach, reach), colour)

    def ribs(self, outline: F32, count: int) -> None:
        """A ribbed cuff, hem or collar."""
        mask = self.panel(outline, 0.92)
        x = np.arange(self.size, dtype=np.float32) / self.size
        tint(
            self.sprite, mask * step(np.cos(x * count * 6.28), 0, 1)[None], self.colour * 0.5, 0.35
        )
