"""Clothes, flat or hanging: each function gives one garment, its sprite (size, size, 4)."""

from __future__ import annotations

import numpy as np

from calib_data.cloth import DENIM, Garment, curve, dye
from calib_data.paint import jitter, polygon, step, tint

Rng = np.random.Generator


def _sew(rng: Rng, size: int, prints: str, depth: float = 0.16) -> Garment:
    kinds = prints.split()
    print_ = kinds[rng.integers(len(kinds))]
    colour = jitter(rng, DENIM, 0.10) if print_ == "denim" else dye(rng)
    return Garment(rng, size, colour, print_, depth)


def _sleeves(g: Garment, reach: float, drop: float, width: float, spread: float) -> None:
    """Both sleeves, from the shoulder to a cuff `drop` down and `reach` out."""
    g.known["sleeve"] = "long-sleeve" if drop > 0.3 else "short-sleeve"
    for side in (0, 1):
        tip_x, tip_y = 0.30 - reach - spread, 0.20 + drop
        inner = (tip_x + width, tip_y + width * 0.35)
        points = [(0.36, 0.13), (0.29, 0.155), (tip_x, tip_y), inner, (0.31, 0.34)]
        if side:
            points = [(1 - x, y) for x, y in points]
        g.panel(curve(points, g.size), 0.90 + 0.06 * side)
        cuff = [points[2], points[3]]
        g.seam([(x + (points[1][0] - x) * 0.06, y - 0.018) for x, y in cuff])


def _torso(g: Garment, hem: float, neck: float, flare: float = 0.0) -> None:
    """The body of a top down to `hem`; the neck is `neck` deep."""
    half = [
        (0.50, 0.11 + neck),
        (0.435, 0.10 + neck * 0.6),
        (0.40, 0.105),
        (0.30, 0.15),
        (0.305, 0.34),
        (0.30 - flare * 0.5, 0.6),
        (0.295 - flare, hem),
        (0.50, hem + 0.012),
    ]
    g.panel(curve(half, g.size, mirror=True))
    g.seam([(0.30 - flare, hem - 0.02), (0.5, hem - 0.008), (0.70 + flare, hem - 0.02)])
    for side in (0.305, 0.695):
        g.seam([(0.30 if side < 0.5 else 0.70, 0.155), (side, 0.34)], 0.6)


def _neck(g: Garment, neck: float) -> None:
    """The inside of the back and a ribbed band about the neck hole."""
    back = [
        (0.40, 0.105),
        (0.45, 0.088),
        (0.50, 0.085),
        (0.55, 0.088),
        (0.60, 0.105),
        (0.565, 0.10 + neck * 0.6),
        (0.50, 0.115 + neck),
        (0.435, 0.10 + neck * 0.6),
    ]
    g.panel(curve(back, g.size), 0.55)
    band = [
        (0.40, 0.105),
        (0.435, 0.10 + neck * 0.6),
        (0.50, 0.11 + neck),
        (0.565, 0.10 + neck * 0.6),
        (0.60, 0.105),
    ]
    lower = [(x + (0.5 - x) * -0.10, y + 0.018) for x, y in reversed(band)]
    g.ribs(curve(band + lower, g.size), 90)


def _collar(g: Garment, deep: float) -> None:
    """A folded collar with two points."""
    g.known["neck"] = "collar"
    g.panel(
        curve([(0.415, 0.085), (0.585, 0.085), (0.60, 0.11), (0.5, 0.135), (0.40, 0.11)], g.size),
        0.6,
    )
    for side in (0, 1):
        leaf = [(0.415, 0.075), (0.385, 0.115), (0.435, 0.11 + deep), (0.50, 0.135)]
        if side:
            leaf = [(1 - x, y) for x, y in leaf]
        g.panel(curve(leaf, g.size), 1.06)


def t_shirt(rng: Rng, size: int) -> Garment:
    """Short sleeves and a round or V neck."""
    g = _sew(rng, size, "plain plain stripes dots")
    neck = rng.uniform(0.03, 0.08)
    _sleeves(g, 0.12, rng.uniform(0.11, 0.18), 0.11, rng.uniform(-0.02, 0.05))
    _torso(g, rng.uniform(0.74, 0.84), neck)
    _neck(g, neck)
    if rng.random() < 0.35:
        _chest_print(g)
    return g


def _chest_print(g: Garment) -> None:
    if g.known["pattern"] == "plain":
        g.known["pattern"] = "printed"
    colour = dye(g.rng)
    t = np.linspace(0, 6.28, 60, endpoint=False)
    waves, depth = int(g.rng.integers(0, 7)), g.rng.uniform(0.1, 0.35)
    reach = 0.085 * (1 + depth * np.cos(t * waves))
    points = [(0.5 + r * np.cos(a), 0.34 + r * np.sin(a)) for a, r in zip(t, reach, strict=True)]
    g.panel(curve(points, g.size), 1.0, colour)
    g.disc(0.5, 0.34, 0.03, dye(g.rng))


def longsleeve(rng: Rng, size: int) -> Garment:
    """Long sleeves, a round neck, cuffs."""
    g = _sew(rng, size, "plain stripes stripes")
    neck = rng.uniform(0.03, 0.06)
    _sleeves(g, rng.uniform(0.13, 0.20), rng.uniform(0.46, 0.56), 0.075, 0.0)
    _torso(g, rng.uniform(0.76, 0.84), neck)
    _neck(g, neck)
    return g


def _placket(g: Garment, top: float, foot: float, buttons: int) -> None:
    g.known["closure"] = "buttons"
    g.seam([(0.478, top), (0.478, foot)], 0.55)
    g.seam([(0.522, top), (0.522, foot)], 0.55)
    bright = (0.92, 0.90, 0.86) if g.colour.mean() < 0.7 else (0.35, 0.30, 0.26)
    for y in np.linspace(top + 0.03, foot - 0.03, buttons):
        g.disc(0.5, float(y), 0.009, bright)


def shirt(rng: Rng, size: int) -> Garment:
    """A collar, a row of buttons from neck to hem, long or short sleeves, a breast pocket."""
    g = _sew(rng, size, "plain checks checks stripes denim")
    if rng.random() < 0.75:
        _sleeves(g, rng.uniform(0.13, 0.18), rng.uniform(0.46, 0.54), 0.08, 0.0)
    else:
        _sleeves(g, 0.12, 0.17, 0.12, 0.0)
    hem = rng.uniform(0.80, 0.88)
    _torso(g, hem, 0.03)
    _placket(g, 0.14, hem, 7)
    _collar(g, 0.065)
    if rng.random() < 0.6:
        g.panel(
            curve(
                [(0.57, 0.28), (0.665, 0.28), (0.665, 0.375), (0.617, 0.40), (0.57, 0.375)], size
            ),
            1.03,
        )
    return g


def polo(rng: Rng, size: int) -> Garment:
    """Short sleeves, a collar and three buttons."""
    g = _sew(rng, size, "plain plain stripes")
    _sleeves(g, 0.12, rng.uniform(0.12, 0.17), 0.11, rng.uniform(0, 0.04))
    _torso(g, rng.uniform(0.76, 0.84), 0.02)
    g.panel(curve([(0.475, 0.13), (0.525, 0.13), (0.525, 0.30), (0.475, 0.30)], size), 1.04)
    _placket(g, 0.135, 0.30, 3)
    _collar(g, 0.06)
    return g


def hoodie(rng: Rng, size: int) -> Garment:
    """A hood, cords, a pouch pocket, ribbed cuffs and hem."""
    g = _sew(rng, size, "plain", 0.20)
    g.known["neck"] = "hood"
    _sleeves(g, rng.uniform(0.13, 0.18), rng.uniform(0.44, 0.52), 0.10, 0.0)
    hem = rng.uniform(0.76, 0.82)
    _torso(g, hem, 0.05, 0.01)
    g.ribs(
        curve(
            [(0.29, hem - 0.045), (0.71, hem - 0.045), (0.70, hem + 0.012), (0.30, hem + 0.012)],
            size,
        ),
        60,
    )
    g.panel(
        curve(
            [(0.40, 0.53), (0.36, 0.68), (0.36, hem - 0.05), (0.5, hem - 0.05)], size, mirror=True
        ),
        1.05,
    )
    g.panel(curve([(0.37, 0.16), (0.355, 0.09), (0.40, 0.03), (0.50, 0.012)], size, mirror=True))
    g.panel(
        curve([(0.41, 0.15), (0.405, 0.09), (0.44, 0.05), (0.50, 0.04)], size, mirror=True), 0.45
    )
    g.panel(curve([(0.365, 0.12), (0.42, 0.135), (0.5, 0.20), (0.5, 0.235), (0.39, 0.19)], size))
    g.panel(
        curve([(0.635, 0.12), (0.58, 0.135), (0.5, 0.20), (0.5, 0.235), (0.61, 0.19)], size), 1.05
    )
    cord = (0.93, 0.93, 0.90) if g.colour.mean() < 0.7 else (0.3, 0.3, 0.32)
    for x in (0.46, 0.54):
        g.panel(
            curve([(x, 0.19), (x + 0.012, 0.19), (x + 0.014, 0.36), (x + 0.002, 0.36)], size),
            1.0,
            np.array(cord),
        )
    return g


def outwear(rng: Rng, size: int) -> Garment:
    """A jacket: zip from collar to hem, stand-up collar, side pockets; often quilted."""
    g = _sew(rng, size, "plain plain denim", 0.20)
    _sleeves(g, rng.uniform(0.13, 0.18), rng.uniform(0.46, 0.52), 0.115, 0.0)
    hem = rng.uniform(0.76, 0.90)
    _torso(g, hem, 0.01, 0.02)
    if rng.random() < 0.5:
        for y in np.arange(0.22, hem, 0.075):
            g.seam([(0.29, y), (0.5, y + 0.006), (0.71, y)], 0.7, 0.007)
    g.panel(curve([(0.395, 0.12), (0.40, 0.045), (0.50, 0.04)], size, mirror=True), 0.55)
    g.panel(curve([(0.39, 0.13), (0.395, 0.05), (0.47, 0.085), (0.497, 0.17)], size), 1.05)
    g.panel(curve([(0.61, 0.13), (0.605, 0.05), (0.53, 0.085), (0.503, 0.17)], size), 1.08)
    _zip(g, 0.15, hem)
    for x, lean in ((0.355, 0.03), (0.645, -0.03)):
        g.seam([(x, 0.55), (x - lean, 0.68)], 0.9, 0.012)
    return g


def _zip(g: Garment, top: float, foot: float) -> None:
    g.known["closure"] = "zip"
    g.panel(curve([(0.488, top), (0.512, top), (0.512, foot), (0.488, foot)], g.size), 0.5)
    teeth = polygon(
        g.size, g.size, curve([(0.492, top), (0.508, top), (0.508, foot), (0.492, foot)], g.size)
    )
    y = np.arange(g.size, dtype=np.float32) / g.size
    tint(g.sprite, teeth * step(np.cos(y * 450), -0.1, 0.3)[:, None], (0.80, 0.80, 0.78))
    g.disc(0.5, top + 0.02, 0.012, (0.85, 0.84, 0.80))


def _legs(g: Garment, foot: float, width: float, gap: float) -> None:
    """Trousers from a waistband at the top to `foot`; the crotch stays at 0.38."""
    g.known["leg"] = "long-leg" if foot > 0.75 else "short-leg"
    for side in (0, 1):
        leg = [
            (0.33, 0.09),
            (0.30, 0.30),
            (0.5 - gap - width, foot),
            (0.5 - gap, foot + 0.008),
            (0.505, 0.40),
            (0.505, 0.09),
        ]
        g.panel(curve([(1 - x, y) for x, y in leg] if side else leg, g.size), 0.94 + 0.08 * side)
        hem = [(0.5 - gap - width, foot - 0.018), (0.5 - gap, foot - 0.010)]
        g.seam([(1 - x, y) for x, y in hem] if side else hem)
    g.seam([(0.5, 0.12), (0.508, 0.26), (0.5, 0.40)], 0.7, 0.006)
    g.panel(
        curve(
            [
                (0.33, 0.055),
                (0.50, 0.065),
                (0.67, 0.055),
                (0.672, 0.105),
                (0.5, 0.112),
                (0.328, 0.105),
            ],
            g.size,
        ),
        1.04,
    )
    for x in (0.37, 0.43, 0.57, 0.63):
        g.seam([(x, 0.055), (x, 0.11)], 0.9, 0.010)
    g.seam([(0.335, 0.20), (0.38, 0.18), (0.40, 0.112)], 0.8)
    g.seam([(0.665, 0.20), (0.62, 0.18), (0.60, 0.112)], 0.8)
    g.disc(0.5, 0.085, 0.011, (0.72, 0.62, 0.42))


def pants(rng: Rng, size: int) -> Garment:
    """Long trousers."""
    g = _sew(rng, size, "denim denim plain plain checks")
    _legs(g, rng.uniform(0.93, 0.97), rng.uniform(0.11, 0.17), rng.uniform(0.015, 0.05))
    return g


def shorts(rng: Rng, size: int) -> Garment:
    """Trousers that end above the knee; drawn wide, since a view holds little else."""
    g = _sew(rng, size, "denim plain plain checks flowers")
    _legs(g, rng.uniform(0.50, 0.60), rng.uniform(0.20, 0.25), rng.uniform(0.01, 0.025))
    return g


def skirt(rng: Rng, size: int) -> Garment:
    """A waistband and a flared, often pleated, cloth."""
    g = _sew(rng, size, "plain checks dots flowers denim stripes", 0.24)
    hem, flare = rng.uniform(0.55, 0.85), rng.uniform(0.08, 0.24)
    half = [
        (0.36, 0.12),
        (0.33 - flare * 0.4, 0.3),
        (0.33 - flare, hem),
        (0.42, hem + 0.025),
        (0.50, hem + 0.03),
    ]
    g.panel(curve(half, size, mirror=True))
    for share in np.linspace(0.08, 0.92, int(rng.integers(5, 10))):
        bottom = 0.33 - flare + share * (0.34 + 2 * flare)
        g.seam([(0.36 + share * 0.28, 0.16), (bottom, hem)], 0.55, 0.008)
    g.panel(
        curve(
            [(0.36, 0.09), (0.5, 0.098), (0.64, 0.09), (0.645, 0.14), (0.5, 0.148), (0.355, 0.14)],
            size,
        ),
        1.05,
    )
    return g


def dress(rng: Rng, size: int) -> Garment:
    """A fitted top with straps or short sleeves, a waist, and a skirt in one piece."""
    g = _sew(rng, size, "plain dots flowers flowers stripes", 0.22)
    hem, flare = rng.uniform(0.86, 0.96), rng.uniform(0.06, 0.18)
    g.known["sleeve"] = "sleeveless"
    if rng.random() < 0.5:
        _sleeves(g, 0.06, 0.10, 0.11, 0.0)
    neck = rng.uniform(0.05, 0.10)
    half = [
        (0.50, 0.11 + neck),
        (0.43, 0.10 + neck * 0.5),
        (0.415, 0.085),
        (0.33, 0.12),
        (0.312, 0.29),
        (0.375, 0.42),
        (0.30 - flare * 0.5, 0.68),
        (0.29 - flare, hem),
        (0.42, hem + 0.02),
        (0.50, hem + 0.022),
    ]
    g.panel(curve(half, size, mirror=True))
    g.panel(
        curve(
            [
                (0.375, 0.405),
                (0.5, 0.412),
                (0.625, 0.405),
                (0.628, 0.44),
                (0.5, 0.448),
                (0.372, 0.44),
            ],
            size,
        ),
        0.8,
    )
    for share in np.linspace(0.12, 0.88, 6):
        g.seam(
            [(0.375 + share * 0.25, 0.45), (0.29 - flare + share * (0.42 + 2 * flare), hem)],
            0.35,
            0.007,
        )
    return g
