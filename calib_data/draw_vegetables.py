"""Vegetables, one piece at a time: each function gives one sprite about `size` pixels long."""

from __future__ import annotations

import numpy as np

from calib_data.paint import (
    F32,
    Colour,
    add,
    blank,
    grain,
    jitter,
    lay,
    line,
    mix,
    noise,
    polygon,
    step,
)
from calib_data.solid import Body, ball, bump, lathe, lit, profile

Rng = np.random.Generator


def _on_top(sprite: F32, extra: float) -> tuple[F32, int]:
    """The sprite on a canvas with `extra` of its height added above; and that height in pixels."""
    rows = int(sprite.shape[0] * extra)
    return np.concatenate([blank(rows, sprite.shape[1]), sprite]), rows


def carrots(rng: Rng, size: int, light: F32) -> F32:
    """One carrot with rings; often with the green stalks still on."""
    wide = rng.uniform(0.13, 0.19)
    shape = profile(
        (-1, wide * 0.9), (-0.7, wide), (0.2, wide * 0.72), (0.75, wide * 0.3), (1, 0.02)
    )
    body = lathe(int(size * 0.84), shape, rng.uniform(-0.09, 0.09))
    height, width = body.alpha.shape
    rings = step(noise(rng, height, width, size / 60, width * 0.6), 0.5, 0.9)
    colour = mix(jitter(rng, (0.94, 0.45, 0.08), 0.04), (0.70, 0.28, 0.05), rings * 0.55)
    colour = mix(colour, (0.46, 0.40, 0.14), step(-body.along, 0.94, 1.0) * 0.8)
    sprite, rows = _on_top(lit(body, colour, light, 0.22, 14), 0.19)
    tall = rng.uniform(0.3, 1.0)
    for _ in range(9):
        foot = np.array([width / 2 + rng.uniform(-0.10, 0.10) * width - 0.0, rows + height * 0.03])
        tip = foot - (rng.uniform(-0.34, 0.34) * width, rows * tall * rng.uniform(0.7, 1.0))
        add(
            sprite,
            line(*sprite.shape[:2], np.array([foot, tip]), size / 55),
            np.array((0.34, 0.55, 0.16)) * rng.uniform(0.7, 1.2),
        )
    return sprite


def cucumber(rng: Rng, size: int, light: F32) -> F32:
    """A long dark green cylinder with ridges and pale streaks."""
    wide = rng.uniform(0.12, 0.15)
    shape = profile((-1, wide * 0.7), (-0.75, wide * 0.95), (0.6, wide), (1, wide * 0.65))
    body = lathe(size, shape, rng.uniform(-0.12, 0.12), 7, 0.12)
    height, width = body.alpha.shape
    ridge = step(np.cos(body.around * 9 + rng.uniform(0, 6)), 0.3, 1.0)
    colour = mix(jitter(rng, (0.13, 0.34, 0.10), 0.03), (0.34, 0.52, 0.20), ridge * 0.4)
    colour = mix(colour, (0.62, 0.70, 0.36), ridge * step(body.along, 0.55, 1.0) * 0.6)
    knobs = noise(rng, height, width, size / 45, size / 45)
    return lit(bump(body, knobs * size * 0.0025, 1.0), colour, light, 0.34, 18)


def aubergine(rng: Rng, size: int, light: F32) -> F32:
    """A near-black purple, very glossy club with a green cap."""
    shape = profile(
        (-1, 0.16), (-0.6, 0.24), (0, 0.32), (0.5, 0.40), (0.85, 0.33), (1, 0.2), round_ends=5
    )
    body = lathe(int(size * 0.9), shape, rng.uniform(-0.16, 0.16))
    height, width = body.alpha.shape
    base = jitter(rng, (0.17, 0.06, 0.19), 0.03)
    colour = mix(base, (0.30, 0.12, 0.30), noise(rng, height, width, size / 3, size / 3) * 0.5)
    points = -0.72 + 0.16 * np.cos(body.around * 5 + rng.uniform(0, 6))
    cap = step(points - body.along, -0.02, 0.04)
    green = mix(jitter(rng, (0.36, 0.48, 0.18), 0.03), (0.22, 0.34, 0.12), np.cos(body.around * 14))
    sprite, rows = _on_top(lit(body, mix(colour, green, cap), light, 0.75, 30), 0.10)
    middle = float(np.flatnonzero(body.alpha[int(height * 0.05)] > 0.5).mean())
    stalk = np.array(
        [[middle, rows + height * 0.04], [middle + rng.uniform(-0.08, 0.08) * width, 2]]
    )
    add(sprite, line(*sprite.shape[:2], stalk, size * 0.06), (0.34, 0.44, 0.18))
    return sprite


def yellow_onion(rng: Rng, size: int, light: F32) -> F32:
    """A papery golden-brown globe with meridian veins and a dry neck."""
    shape = profile(
        (-1, 0.04),
        (-0.88, 0.06),
        (-0.72, 0.20),
        (-0.45, 0.62),
        (0.05, 0.82),
        (0.5, 0.70),
        (0.85, 0.36),
        (1, 0.1),
    )
    body = lathe(size, shape, rng.uniform(-0.07, 0.07))
    height, width = body.alpha.shape
    veins = np.cos(body.around * 22 + noise(rng, height, width, size / 3, size / 6) * 1.4)
    colour = mix(
        jitter(rng, (0.80, 0.52, 0.20), 0.05), (0.58, 0.32, 0.10), step(veins, 0.3, 1) * 0.6
    )
    flakes = step(noise(rng, height, width, size / 5, size / 7), 0.35, 0.45)
    colour = mix(colour, (0.90, 0.70, 0.42), flakes * 0.45)
    colour = mix(colour, (0.60, 0.48, 0.28), step(-body.along, 0.6, 0.8) * 0.7)
    return lit(body, colour, light, 0.30, 14)


def _pepper(rng: Rng, size: int, light: F32, base: Colour) -> F32:
    lobes = int(rng.integers(3, 5))
    shape = profile(
        (-1, 0.50), (-0.8, 0.68), (-0.3, 0.74), (0.4, 0.62), (0.85, 0.50), (1, 0.36), round_ends=9
    )
    body = lathe(int(size * 0.88), shape, rng.uniform(-0.08, 0.08), 2 * lobes - 2, 0.5)
    height, width = body.alpha.shape
    furrow = step(np.abs(np.cos(body.around * (lobes - 1))), 0.30, 0.0)
    colour = jitter(rng, base, 0.03) * (1 - 0.42 * furrow)[..., None]
    colour = colour * (1 + 0.08 * noise(rng, height, width, size / 3, size / 3))[..., None]
    notch = 0.10 * np.exp(-((body.x / 0.22) ** 2)) + 0.05 * step(furrow, 0.2, 1)
    alpha = body.alpha * step(body.y, -1.0 + notch - 0.02, -1.0 + notch + 0.02)
    alpha = alpha * step(body.y, 1.01 - furrow * 0.10, 0.97 - furrow * 0.10)
    body = Body(alpha, body.normal, body.along, body.around, body.x, body.y)
    sprite, rows = _on_top(lit(body, colour, light, 0.72, 26), 0.14)
    _green_stalk(sprite, rng, rows + height * 0.05, size)
    return sprite


def _green_stalk(sprite: F32, rng: Rng, foot: float, size: int) -> None:
    height, width = sprite.shape[:2]
    middle = width / 2
    green = jitter(rng, (0.30, 0.50, 0.14), 0.04)
    cap = np.array(
        [
            [middle - 0.16 * width, foot + size * 0.01],
            [middle, foot - size * 0.04],
            [middle + 0.16 * width, foot + size * 0.01],
            [middle, foot + size * 0.045],
        ]
    )
    add(sprite, polygon(height, width, cap), green * 0.85)
    tip = [middle + rng.uniform(-0.12, 0.12) * width, foot - size * rng.uniform(0.1, 0.15)]
    add(sprite, line(height, width, np.array([[middle, foot], tip]), size * 0.055), green)
    add(
        sprite, line(height, width, np.array([[middle - 1, foot], tip]), size * 0.016), green + 0.16
    )


def red_bell_pepper(rng: Rng, size: int, light: F32) -> F32:
    """A glossy red, lobed block with a green stalk."""
    return _pepper(rng, size, light, (0.80, 0.07, 0.06))


def yellow_bell_pepper(rng: Rng, size: int, light: F32) -> F32:
    """A glossy yellow, lobed block with a green stalk."""
    return _pepper(rng, size, light, (0.98, 0.76, 0.08))


def green_bell_pepper(rng: Rng, size: int, light: F32) -> F32:
    """A glossy green, lobed block with a green stalk."""
    return _pepper(rng, size, light, (0.16, 0.42, 0.10))


def regular_tomato(rng: Rng, size: int, light: F32) -> F32:
    """A loose red tomato, flattened, with a star of sepals when its top shows."""
    body = ball(
        size,
        rng.uniform(0.80, 0.92),
        rng.uniform(0.4, 1.5),
        rng.uniform(0, 6.3),
        rng.uniform(-0.02, 0.02, 4),
    )
    height, width = body.alpha.shape
    base = jitter(rng, (0.88, 0.15, 0.08), 0.04)
    pale = step(-body.along, 0.45, 1.0) * rng.uniform(0.0, 0.5)
    colour = mix(base, (0.93, 0.46, 0.16), pale)
    colour = colour * (1 + 0.04 * noise(rng, height, width, size / 4, size / 4))[..., None]
    reach = 0.22 + 0.20 * np.cos(body.around * 5)
    sepal = step(reach - (body.along + 1), -0.02, 0.03)
    colour = mix(colour, (0.22, 0.40, 0.12), sepal)
    return lit(body, colour, light, 0.62, 30)


def vine_tomato(rng: Rng, size: int, light: F32) -> F32:
    """Three to five tomatoes on one green vine."""
    count, each = int(rng.integers(3, 6)), int(size * 0.44)
    sprite = blank(size, size)
    start, rise = size * 0.10, size * rng.uniform(-0.08, 0.08)
    xs = np.linspace(start + each * 0.3, size - start - each * 0.3, count)
    vine = np.stack([xs, size * 0.50 + np.linspace(-rise, rise, count)], axis=1)
    for order, (x, y) in enumerate(vine):
        side = -1 if order % 2 else 1
        fruit = regular_tomato(rng, each, light)
        top = int(y + side * each * 0.40 - each / 2)
        lay(sprite, fruit, int(x - each / 2), top, 0.35)
    green = jitter(rng, (0.26, 0.44, 0.14), 0.03)
    add(sprite, line(size, size, vine - (0, -2), size * 0.030), green * 0.7)
    add(sprite, line(size, size, vine, size * 0.020), green * 1.2)
    for order, foot in enumerate(vine):
        side = -1 if order % 2 else 1
        heart = foot - (0, -side * each * 0.22)
        add(sprite, line(size, size, np.array([foot, heart]), size * 0.02), green)
        for angle in np.linspace(0, 6.28, 6)[:5] + rng.uniform(0, 1):
            tip = heart + np.array([np.cos(angle), np.sin(angle)]) * each * 0.20
            add(sprite, line(size, size, np.array([heart, tip]), size * 0.013), green * 1.1)
    return sprite


def garlic(rng: Rng, size: int, light: F32) -> F32:
    """A white bulb of cloves with purple veins, a thin neck and a root plate."""
    shape = profile(
        (-1, 0.07),
        (-0.72, 0.09),
        (-0.50, 0.22),
        (-0.15, 0.62),
        (0.25, 0.82),
        (0.65, 0.74),
        (0.92, 0.40),
        (1, 0.2),
    )
    body = lathe(size, shape, rng.uniform(-0.12, 0.12), 9, 0.55)
    height, width = body.alpha.shape
    furrow = step(np.abs(np.cos(body.around * 4.5)), 0.25, 0.0)
    colour = mix(jitter(rng, (0.92, 0.88, 0.80), 0.03), (0.66, 0.58, 0.48), furrow * 0.6)
    veins = step(np.cos(body.around * 30 + noise(rng, height, width, size / 3, size / 8)), 0.75, 1)
    colour = mix(colour, (0.62, 0.42, 0.56), veins * rng.uniform(0.1, 0.7))
    colour = mix(colour, (0.72, 0.62, 0.44), step(-body.along, 0.7, 0.95))
    colour = mix(colour, (0.48, 0.38, 0.24), step(body.along, 0.93, 0.98))
    return lit(body, colour, light, 0.15, 10)


def leek(rng: Rng, size: int, light: F32) -> F32:
    """A long white shaft that turns green and opens into flat leaves; roots at the other end."""
    wide = rng.uniform(0.065, 0.085)
    shape = profile(
        (-1, wide * 1.15), (-0.2, wide), (0.8, wide), (0.92, wide * 1.2), (1, wide * 0.7)
    )
    body = lathe(int(size * 0.64), shape)
    height, width = body.alpha.shape
    veins = np.cos(body.around * 16)
    colour = mix((0.94, 0.94, 0.86), (0.52, 0.68, 0.32), step(-body.along, -0.35, 0.95))
    colour = colour * (1 - 0.06 * step(veins, 0.2, 1))[..., None]
    shaft = lit(body, colour, light, 0.2, 12)
    sprite = blank(size, max(width, int(size * 0.30)))
    left, top = (sprite.shape[1] - width) // 2, int(size * 0.32)
    middle = sprite.shape[1] / 2
    _leek_leaves(sprite, rng, np.array([middle, top + height * 0.05]), size * wide * 0.6)
    lay(sprite, shaft, left, top)
    for _ in range(14):
        foot = np.array([middle + rng.uniform(-0.05, 0.05) * size * 0.6, top + height * 0.97])
        add(
            sprite,
            line(
                size,
                sprite.shape[1],
                np.array([foot, foot - (rng.uniform(-4, 4), -size * 0.03)]),
                1,
            ),
            (0.82, 0.78, 0.62),
        )
    return sprite


def _leek_leaves(sprite: F32, rng: Rng, foot: F32, half: float) -> None:
    height, width = sprite.shape[:2]
    veins = 0.06 * grain(rng, 1, width)
    for lean in rng.permutation(np.linspace(-0.42, 0.42, 6)):
        tip = foot - (-lean * width, foot[1] * rng.uniform(0.75, 0.96))
        bow = foot * 0.5 + tip * 0.5 - [lean * width * 0.12, 0]
        side = np.array([half * 0.9, 0])
        leaf = np.array([foot - side, bow - side, tip, bow + side, foot + side])
        shade = (
            jitter(rng, (0.24, 0.42, 0.20), 0.04)
            + np.broadcast_to(veins, (height, width))[..., None]
        )
        add(sprite, polygon(height, width, leaf), np.clip(shade, 0, 1))
