"""Shoes, hats and hangers: each function gives one sprite (size, size, 4)."""

from __future__ import annotations

import numpy as np

from calib_data.cloth import Garment, curve, dye
from calib_data.paint import F32, add, blank, lay, line, turn

Rng = np.random.Generator


def shoes(rng: Rng, size: int) -> F32:
    """A pair of laced shoes from the side, one a little behind the other."""
    colour = dye(rng)
    sprite = blank(size, size)
    each = int(size * 0.80)
    seed = int(rng.integers(1 << 30))
    kind = rng.random()
    for x, y in ((0.18, -0.02), (0.02, 0.20)):
        one = _shoe(np.random.default_rng(seed), each, colour, kind)
        lay(sprite, one, int(x * size), int(y * size), 0.4)
    return sprite


def _shoe(rng: Rng, size: int, colour: F32, kind: float) -> F32:
    g = Garment(rng, size, colour, "plain", 0.10)
    tall = 0.30 if kind < 0.3 else 0.44
    is_light = kind < 0.7
    _upper(g, tall, size)
    _sole(g, np.array((0.94, 0.93, 0.90)) if is_light else np.array((0.16, 0.13, 0.12)), size)
    _laces(g, tall, size)
    g.seam([(0.06, 0.787), (0.95, 0.787)], 0.4)
    return g.sprite


def _upper(g: Garment, tall: float, size: int) -> None:
    """Tongue, body, collar, toe cap and heel, one over the other; the toes point to the right."""
    tongue = [(0.30, tall + 0.02), (0.35, tall - 0.05), (0.41, tall - 0.02), (0.46, 0.52)]
    heel_side = [(0.06, 0.74), (0.05, 0.60), (0.07, tall), (0.12, tall - 0.02)]
    opening = [(0.20, tall + 0.03), (0.32, tall), (0.36, tall - 0.01), (0.48, 0.50)]
    toes = [(0.64, 0.57), (0.82, 0.60), (0.92, 0.66), (0.95, 0.74)]
    collar = [
        *[(0.09, tall + 0.02), (0.13, tall), (0.20, tall + 0.05)],
        *[(0.31, tall + 0.03), (0.20, tall + 0.07)],
    ]
    cap = [(0.72, 0.585), (0.84, 0.605), (0.93, 0.665), (0.955, 0.74), (0.76, 0.74)]
    heel = [(0.055, 0.74), (0.05, 0.60), (0.16, 0.60), (0.20, 0.74)]
    body = heel_side + opening + toes
    for part, shade in ((tongue, 0.8), (body, 1.0), (collar, 0.4), (cap, 1.12), (heel, 0.78)):
        g.panel(curve(part, size), shade)


def _sole(g: Garment, colour: F32, size: int) -> None:
    top = [(0.045, 0.735), (0.5, 0.755), (0.955, 0.735)]
    bottom = [(0.97, 0.79), (0.93, 0.825), (0.06, 0.825), (0.04, 0.79)]
    g.panel(curve(top + bottom, size), 1.0, colour)


def _laces(g: Garment, tall: float, size: int) -> None:
    """Five of them, as bright as the shoe is dark."""
    is_dark = g.colour.mean() < 0.7
    colour = np.array((0.97, 0.97, 0.95)) if is_dark else np.array((0.25, 0.25, 0.28))
    for share in np.linspace(0.12, 0.95, 5):
        x, y = 0.355 + share * 0.24, tall + 0.02 + share * (0.56 - tall)
        ends = [(x - 0.045, y + 0.075), (x - 0.03, y + 0.085)]
        ends += [(x + 0.02, y - 0.002), (x + 0.002, y - 0.012)]
        g.panel(curve(ends, size), 1.0, colour)


def hat(rng: Rng, size: int) -> F32:
    """A peaked cap, a brimmed sun hat, or a knitted cap with a bobble."""
    return (_cap, _sun_hat, _knitted)[rng.integers(3)](rng, size)


def _arch(left: float, right: float, foot: float, top: float) -> list[tuple[float, float]]:
    t = np.linspace(np.pi, 0, 25)
    middle, half = (left + right) / 2, (right - left) / 2
    return [(middle + half * np.cos(a), foot - (foot - top) * np.sin(a) ** 0.8) for a in t]


def _cap(rng: Rng, size: int) -> F32:
    g = Garment(rng, size, dye(rng), "plain", 0.10)
    g.panel(curve([*_arch(0.10, 0.66, 0.62, 0.24), (0.38, 0.655)], size))
    g.seam([(0.38, 0.24), (0.30, 0.40), (0.27, 0.63)], 0.7)
    g.seam([(0.38, 0.24), (0.50, 0.40), (0.54, 0.63)], 0.7)
    g.panel(
        curve(
            [
                (0.42, 0.60),
                (0.66, 0.57),
                (0.84, 0.61),
                (0.95, 0.70),
                (0.92, 0.725),
                (0.78, 0.68),
                (0.60, 0.665),
                (0.42, 0.665),
            ],
            size,
        ),
        0.85,
    )
    g.seam([(0.46, 0.645), (0.66, 0.62), (0.90, 0.69)], 0.5)
    g.disc(0.38, 0.235, 0.018, g.colour * 0.8)
    return g.sprite


def _sun_hat(rng: Rng, size: int) -> F32:
    straw = np.array((0.84, 0.70, 0.44), np.float32) if rng.random() < 0.6 else dye(rng)
    g = Garment(rng, size, straw, "checks" if rng.random() < 0.3 else "plain", 0.08)
    t = np.linspace(0, 6.28, 60, endpoint=False)
    brim = [(0.5 + 0.46 * np.cos(a), 0.62 + 0.15 * np.sin(a) + 0.03 * np.cos(2 * a)) for a in t]
    g.panel(curve(brim, size))
    for share in (0.75, 0.85, 0.95):
        ring = [(0.5 + 0.46 * share * np.cos(a), 0.62 + 0.15 * share * np.sin(a)) for a in t]
        g.seam([*ring, ring[0]], 0.35)
    g.panel(curve([*_arch(0.27, 0.73, 0.60, 0.26), (0.62, 0.65), (0.38, 0.65)], size), 1.06)
    g.panel(
        curve(
            [
                (0.275, 0.54),
                (0.5, 0.60),
                (0.725, 0.54),
                (0.73, 0.60),
                (0.62, 0.645),
                (0.38, 0.645),
                (0.27, 0.60),
            ],
            size,
        ),
        1.0,
        dye(rng),
    )
    return g.sprite


def _knitted(rng: Rng, size: int) -> F32:
    g = Garment(rng, size, dye(rng), "stripes" if rng.random() < 0.5 else "plain", 0.10)
    g.ribs(curve([*_arch(0.20, 0.80, 0.66, 0.24), (0.5, 0.68)], size), 36)
    g.ribs(
        curve(
            [(0.17, 0.62), (0.5, 0.65), (0.83, 0.62), (0.84, 0.78), (0.5, 0.81), (0.16, 0.78)], size
        ),
        44,
    )
    t = np.linspace(0, 6.28, 70, endpoint=False)
    fluff = 0.085 * (1 + 0.12 * rng.uniform(-1, 1, 70))
    bobble = [(0.5 + r * np.cos(a), 0.20 + r * np.sin(a)) for a, r in zip(t, fluff, strict=True)]
    g.panel(curve(bobble, size), 1.1, dye(rng))
    return g.sprite


def on_hanger(rng: Rng, garment: F32) -> F32:
    """The garment with the hook of a hanger above it and the bar through its neck."""
    size = garment.shape[0]
    extra = int(size * 0.10)
    sprite = blank(size + extra, size)
    wood = np.array((0.62, 0.42, 0.24)) if rng.random() < 0.5 else np.array((0.15, 0.15, 0.16))
    neck = np.array([size / 2, extra + size * 0.10])
    t = np.linspace(-0.5, 3.4, 20)
    hook = np.stack([np.cos(t), -np.sin(t)], axis=1) * extra * 0.36 + [size / 2, extra * 0.45]
    add(
        sprite,
        line(*sprite.shape[:2], np.vstack([[neck, hook[0]], hook]), size * 0.010),
        (0.66, 0.66, 0.68),
    )
    for side in (-1, 1):
        arm = np.array([neck - [0, size * 0.02], neck - (-side * size * 0.16, -size * 0.05)])
        add(sprite, line(*sprite.shape[:2], arm, size * 0.028), wood)
    lay(sprite, garment, 0, extra)
    return sprite


def tilted(rng: Rng, garment: F32, most: float) -> F32:
    """The garment turned by up to `most` degrees either way."""
    return turn(garment, rng.uniform(-most, most))
