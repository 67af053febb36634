"""Fruit, one piece at a time: each function gives one sprite about `size` pixels long."""

from __future__ import annotations

import numpy as np

from calib_data.paint import (
    F32,
    Colour,
    add,
    blank,
    ellipse,
    grain,
    jitter,
    lay,
    line,
    mix,
    noise,
    polygon,
    step,
    tint,
)
from calib_data.solid import Body, ball, bump, lathe, lit, profile

Rng = np.random.Generator


def _dots(rng: Rng, body: Body, count: float, size: float) -> F32:
    """Scattered soft dots over a body, (H, W), 0..1; count is a share of the surface."""
    height, width = body.alpha.shape
    spots = noise(rng, height, width, size, size)
    return step(spots, 1 - count, 1.15 - count)


def _with_stalk(sprite: F32, body: Body, rng: Rng, colour: Colour, length: float) -> F32:
    """The sprite, made taller, with a short stalk from its stem end."""
    size = body.alpha.shape[0]
    extra = int(size * length)
    at = np.unravel_index(np.argmin(body.along + 9 * (body.alpha < 0.5)), body.along.shape)
    sprite = np.concatenate([blank(extra, sprite.shape[1]), sprite])
    foot = np.array([at[1], at[0] + extra], np.float32)
    lean = np.array([rng.uniform(-0.5, 0.5), -1.0], np.float32) * length * size
    path = np.stack([foot, foot + lean * 0.5, foot + lean + [rng.uniform(-2, 2), 0]])
    add(sprite, line(*sprite.shape[:2], path, size * 0.045), colour)
    shine = line(*sprite.shape[:2], path - size * 0.008, size * 0.014)
    add(sprite, shine, np.array(colour) + 0.2)
    return sprite


def _apple_body(rng: Rng, size: int, flat: float) -> Body:
    tilt = rng.uniform(0.35, 1.5)
    body = ball(size, flat, tilt, rng.uniform(0, 6.3), rng.uniform(-0.02, 0.02, 4))
    hollow = np.exp(-(((body.along + 1) / 0.16) ** 2))
    return bump(body, -hollow * size * 0.12, 0.5)


def _apple(rng: Rng, light: F32, colour: F32, body: Body) -> F32:
    hollow = np.exp(-(((body.along + 1) / 0.12) ** 2))
    colour = mix(colour, (0.34, 0.27, 0.10), hollow * 0.75)
    sprite = lit(body, colour, light, rng.uniform(0.25, 0.55), 22)
    return _with_stalk(sprite, body, rng, (0.28, 0.18, 0.08), 0.13)


def granny_smith(rng: Rng, size: int, light: F32) -> F32:
    """An even, bright green apple with pale pores."""
    body = _apple_body(rng, size, 0.93)
    base = jitter(rng, (0.50, 0.72, 0.16), 0.05)
    colour = mix(base, (0.66, 0.78, 0.28), noise(rng, *body.alpha.shape, size / 3, size / 3))
    colour = mix(colour, (0.86, 0.92, 0.62), _dots(rng, body, 0.12, size / 42) * 0.7)
    return _apple(rng, light, colour, body)


def golden_delicious(rng: Rng, size: int, light: F32) -> F32:
    """A yellow apple with brown pores and a green shade about the stem."""
    body = _apple_body(rng, size, 0.98)
    base = jitter(rng, (0.90, 0.80, 0.32), 0.05)
    green = step(-body.along, 0.0, 1.0) * rng.uniform(0.2, 0.8)
    colour = mix(base, (0.68, 0.76, 0.26), green)
    colour = mix(colour, (0.93, 0.62, 0.36), _blush(rng, body) * rng.uniform(0, 0.35))
    colour = mix(colour, (0.52, 0.38, 0.14), _dots(rng, body, 0.13, size / 48) * 0.75)
    return _apple(rng, light, colour, body)


def _blush(rng: Rng, body: Body) -> F32:
    return step(np.cos(body.around - rng.uniform(0, 6.3)) * np.sin((body.along + 1) * 1.57), 0, 1)


def red_delicious(rng: Rng, size: int, light: F32) -> F32:
    """A dark red, tall apple that narrows to a knobbed end, with pale streaks."""
    if rng.random() < 0.4:
        body = _apple_body(rng, size, 1.0)
    else:
        shape = profile(
            (-1, 0.42), (-0.8, 0.72), (-0.35, 0.86), (0.3, 0.70), (0.85, 0.46), (1, 0.3)
        )
        body = lathe(size, shape, rng.uniform(-0.05, 0.05), 5, 0.10)
    height, width = body.alpha.shape
    streaks = np.sin(body.around * 31 + 3 * noise(rng, height, width, size / 4, size / 9))
    colour = mix(jitter(rng, (0.50, 0.04, 0.08), 0.04), (0.66, 0.12, 0.12), streaks * 0.5)
    colour = mix(colour, (0.78, 0.52, 0.26), step(-body.along, 0.72, 1.05) * 0.7)
    colour = mix(colour, (0.86, 0.56, 0.46), _dots(rng, body, 0.10, size / 45) * 0.75)
    return _apple(rng, light, colour, body)


def banana(rng: Rng, size: int, light: F32) -> F32:
    """One banana: bowed, flat-sided, brown at both ends."""
    shape = profile(
        (-1, 0.05), (-0.84, 0.06), (-0.66, 0.145), (0, 0.175), (0.7, 0.14), (0.93, 0.06)
    )
    body = lathe(size, shape, rng.uniform(0.42, 0.62), 4, 0.45)
    base = jitter(rng, (0.96, 0.80, 0.16), 0.04)
    green = (step(body.along, 0.5, 0.95) + step(-body.along, 0.55, 0.9)) * rng.uniform(0.1, 0.9)
    colour = mix(base, (0.62, 0.70, 0.22), green)
    colour = mix(colour, (0.80, 0.62, 0.10), step(np.cos(body.around * 4), 0.85, 1.0) * 0.6)
    freckle = _dots(rng, body, rng.uniform(0.02, 0.16), size / 70)
    colour = mix(colour, (0.32, 0.18, 0.06), freckle * 0.8)
    ends = step(np.abs(body.along + 0.02), 0.90, 0.97)
    return lit(body, mix(colour, (0.22, 0.16, 0.08), ends), light, 0.18, 10)


def _citrus(rng: Rng, size: int, light: F32, body: Body, base: Colour, pore: float) -> F32:
    height, width = body.alpha.shape
    peel = noise(rng, height, width, size * pore, size * pore)
    body = bump(body, peel * size * 0.003, 1.0)
    colour = mix(jitter(rng, base, 0.04), np.array(base) * 0.88, peel * 0.4)
    colour = colour * (1 + 0.04 * noise(rng, height, width, size / 3, size / 3))[..., None]
    button = np.exp(-(((body.along + 1) / 0.07) ** 2))
    return lit(body, mix(colour, (0.36, 0.40, 0.14), button), light, 0.42, 16)


def orange(rng: Rng, size: int, light: F32) -> F32:
    """A round orange with pores and a small green button."""
    body = ball(size, 0.98, rng.uniform(0.3, 2.6), rng.uniform(0, 6.3), rng.uniform(-0.01, 0.01, 4))
    return _citrus(rng, size, light, body, (0.98, 0.52, 0.06), 0.022)


def _pointed(rng: Rng, size: int, nipple: float, wide: float) -> Body:
    shape = profile(
        (-1, 0.10),
        (-0.86, 0.28 * wide),
        (-0.45, 0.62 * wide),
        (0, 0.72 * wide),
        (0.45, 0.62 * wide),
        (0.82, 0.28 * wide),
        (0.92, nipple),
        (1, nipple * 0.8),
    )
    return lathe(size, shape, rng.uniform(-0.06, 0.06))


def lemon(rng: Rng, size: int, light: F32) -> F32:
    """A yellow citrus fruit with a nipple at each end."""
    return _citrus(rng, size, light, _pointed(rng, size, 0.14, 1.0), (0.98, 0.86, 0.16), 0.028)


def lime(rng: Rng, size: int, light: F32) -> F32:
    """A smaller, rounder, deep green citrus fruit."""
    base = (0.26, 0.50, 0.10) if rng.random() < 0.6 else (0.40, 0.60, 0.14)
    return _citrus(rng, size, light, _pointed(rng, size, 0.09, 1.14), base, 0.024)


def plum(rng: Rng, size: int, light: F32) -> F32:
    """A blue-purple oval with a seam and a dull bloom."""
    shape = profile((-1, 0.3), (-0.6, 0.66), (0, 0.76), (0.6, 0.64), (1, 0.25), round_ends=3)
    body = lathe(size, shape, rng.uniform(-0.04, 0.04))
    height, width = body.alpha.shape
    base = jitter(rng, (0.26, 0.09, 0.24), 0.04)
    colour = mix(base, (0.42, 0.10, 0.22), noise(rng, height, width, size / 2, size / 2) * 0.5)
    bloom = step(noise(rng, height, width, size / 3, size / 3), -0.8, 1.0)
    colour = mix(colour, (0.46, 0.46, 0.66), bloom * 0.38)
    seam = np.exp(-((np.abs(body.around - rng.uniform(-0.6, 0.6)) / 0.05) ** 2))
    return lit(body, mix(colour, (0.12, 0.04, 0.12), seam * 0.7), light, 0.22, 12)


def kiwi(rng: Rng, size: int, light: F32) -> F32:
    """A brown, hairy oval, or half of one showing green flesh and a ring of seeds."""
    if rng.random() < 0.4:
        return _kiwi_half(rng, size)
    shape = profile((-1, 0.45), (-0.6, 0.70), (0, 0.79), (0.6, 0.70), (1, 0.4), round_ends=4)
    body = lathe(size, shape)
    height, width = body.alpha.shape
    hair = noise(rng, height, width, 5, 1.6)
    colour = mix(jitter(rng, (0.46, 0.34, 0.16), 0.04), (0.66, 0.52, 0.28), hair * 0.45)
    colour = mix(colour, (0.20, 0.13, 0.06), step(np.abs(body.along), 0.9, 0.97) * 0.8)
    return lit(bump(body, hair, 0.5), colour, light, 0.06, 6)


def _kiwi_half(rng: Rng, size: int) -> F32:
    body = ball(size, rng.uniform(0.8, 1.0), 0.0, 0.0, rng.uniform(-0.015, 0.015, 4))
    radius = np.arccos(np.clip(body.normal[..., 2], 0, 1))
    radius = np.sin(radius)
    theta = np.arctan2(body.normal[..., 1], body.normal[..., 0])
    rays = 0.5 + 0.5 * np.cos(theta * 34)
    colour = mix((0.46, 0.66, 0.14), (0.68, 0.80, 0.30), rays * step(radius, 0.25, 0.6) * 0.8)
    seeds = step(np.cos(theta * 26 + np.round(radius * 9) * 2.1), 0.55, 0.8)
    seeds = seeds * step(radius, 0.30, 0.36) * step(radius, 0.62, 0.5)
    colour = mix(colour, (0.88, 0.90, 0.66), step(radius, 0.30, 0.2))
    colour = mix(colour, (0.08, 0.06, 0.04), seeds)
    colour = mix(colour, (0.40, 0.28, 0.12), step(radius, 0.93, 0.97))
    sprite = lit(body, colour, np.array([-0.1, -0.2, 0.9], np.float32), 0.05, 8)
    sprite[..., :3] *= 1.06
    return sprite


def watermelon(rng: Rng, size: int, light: F32) -> F32:
    """A striped green melon, or a red wedge of one with black seeds."""
    if rng.random() < 0.4:
        return _melon_wedge(rng, size)
    body = ball(size, rng.uniform(0.82, 1.0), rng.uniform(0.9, 2.0), rng.uniform(0, 6.3))
    height, width = body.alpha.shape
    ragged = noise(rng, height, width, size / 16, size / 16) * 0.5
    stripes = np.cos(body.around * 9 + ragged * 1.9)
    colour = mix(
        jitter(rng, (0.46, 0.62, 0.28), 0.04), (0.10, 0.28, 0.10), step(stripes, -0.1, 0.35)
    )
    colour = colour * (1 + 0.10 * noise(rng, height, width, size / 40, size / 40))[..., None]
    return lit(body, colour, light, 0.35, 18)


def _melon_wedge(rng: Rng, size: int) -> F32:
    body = ball(size, 1.0, 0.0, 0.0)
    radius = np.hypot(body.x, body.y)
    colour = mix(jitter(rng, (0.90, 0.20, 0.20), 0.03), (0.98, 0.46, 0.40), step(radius, 0.5, 0.86))
    colour = colour * (1 + 0.05 * grain(rng, *radius.shape))[..., None]
    colour = mix(colour, (0.92, 0.94, 0.78), step(radius, 0.83, 0.89))
    colour = mix(colour, (0.14, 0.36, 0.12), step(radius, 0.94, 0.965))
    sprite = lit(body, colour, np.array([0, 0, 0.8], np.float32), 0.0)
    for _ in range(22):
        reach, theta = rng.uniform(0.3, 0.72), rng.uniform(0.1, 3.04)
        x, y = size / 2 + np.array([np.cos(theta), np.sin(theta)]) * reach * size * 0.46
        tint(sprite, ellipse(size, size, x, y, size * 0.011, size * 0.02), (0.10, 0.05, 0.04))
    cut = step(body.y, -0.02, 0.0)
    sprite[..., 3] *= cut
    return sprite


def pineapple(rng: Rng, size: int, light: F32) -> F32:
    """A barrel of brown-gold eyes under a crown of stiff leaves."""
    shape = profile((-1, 0.34), (-0.6, 0.56), (0.1, 0.62), (0.7, 0.52), (1, 0.36), round_ends=6)
    body = lathe(int(size * 0.62), shape)
    down, across = body.along * 14, body.around * 5.2
    eye = np.cos(down + across * 1.5) * 0.5 + np.cos(down - across * 1.5) * 0.5
    base = jitter(rng, (0.78, 0.54, 0.16), 0.05)
    colour = mix(base, (0.34, 0.30, 0.10), step(eye, 0.1, -0.6))
    colour = mix(colour, (0.42, 0.24, 0.08), step(eye, 0.72, 0.95))
    fruit = lit(bump(body, eye * 6, 0.5), colour, light, 0.25, 10)
    height, width = fruit.shape[:2]
    sprite = np.zeros((size, max(width, int(size * 0.62)), 4), np.float32)
    left = (sprite.shape[1] - width) // 2
    sprite[size - height :, left : left + width] = fruit
    _crown(sprite, rng, size - height)
    return sprite


def _crown(sprite: F32, rng: Rng, foot: int) -> None:
    height, width = sprite.shape[:2]
    for order in range(26):
        lean = rng.uniform(-1, 1) * (1.15 - order / 30)
        tall = foot * rng.uniform(0.55, 1.0) * (1 - 0.45 * abs(lean))
        base = np.array([width / 2 + lean * width * 0.10, foot + height * 0.03])
        tip = np.array([width / 2 + lean * width * 0.46, foot - tall])
        bow = (base + tip) / 2 + [lean * width * -0.06, 0]
        half = np.array([width * 0.035, 0])
        leaf = np.array([base - half, bow - half, tip, bow + half, base + half])
        shade = rng.uniform(0.6, 1.15)
        mask = polygon(height, width, leaf)
        add(sprite, mask, np.array((0.30, 0.44, 0.20)) * shade)
        spine = line(height, width, np.array([base, bow, tip]), 1)
        tint(sprite, spine * mask, np.array((0.50, 0.62, 0.38)) * shade, 0.6)


def conference(rng: Rng, size: int, light: F32) -> F32:
    """A long pear, green and russet brown, with a woody stalk."""
    shape = profile(
        (-1, 0.05),
        (-0.84, 0.05),
        (-0.80, 0.13),
        (-0.45, 0.23),
        (0.0, 0.34),
        (0.5, 0.46),
        (0.85, 0.36),
        (1, 0.2),
    )
    body = lathe(size, shape, rng.uniform(-0.12, 0.12))
    height, width = body.alpha.shape
    base = jitter(rng, (0.58, 0.60, 0.22), 0.05)
    russet = step(noise(rng, height, width, size / 14, size / 18) + body.along * 0.45, 0.0, 0.7)
    colour = mix(base, (0.52, 0.38, 0.16), russet * 0.75)
    colour = mix(colour, (0.40, 0.30, 0.12), _dots(rng, body, 0.16, size / 75) * 0.6)
    colour = mix(colour, (0.26, 0.17, 0.08), step(-body.along, 0.80, 0.83))
    return lit(body, colour, light, 0.16, 10)


def avocado(rng: Rng, size: int, light: F32) -> F32:
    """A dark, pebbled pear shape, or half of one with its stone."""
    shape = profile(
        (-1, 0.16), (-0.75, 0.34), (-0.3, 0.48), (0.3, 0.66), (0.7, 0.60), (1, 0.35), round_ends=5
    )
    body = lathe(size, shape, rng.uniform(-0.06, 0.06))
    if rng.random() < 0.4:
        return _avocado_half(rng, size, body)
    height, width = body.alpha.shape
    pebble = noise(rng, height, width, size / 34, size / 34)
    base = (0.20, 0.26, 0.12) if rng.random() < 0.6 else (0.17, 0.13, 0.12)
    colour = mix(jitter(rng, base, 0.03), (0.34, 0.42, 0.18), step(pebble, 0.3, 0.9) * 0.4)
    return lit(bump(body, pebble * size * 0.009, 0.9), colour, light, 0.32, 12)


def _avocado_half(rng: Rng, size: int, body: Body) -> F32:
    depth = np.sqrt(np.clip(1 - (np.sin(body.around)) ** 2, 0, 1)) * step(
        1 - np.abs(body.y), 0, 0.2
    )
    colour = mix((0.52, 0.62, 0.20), (0.92, 0.90, 0.56), step(depth, 0.3, 0.75))
    colour = mix(colour, (0.15, 0.18, 0.08), step(depth, 0.26, 0.16))
    colour = colour * (1 + 0.02 * grain(rng, *depth.shape))[..., None]
    sprite = np.dstack([colour, body.alpha]).astype(np.float32)
    stone = ball(int(size * 0.40), 1.0, 1.0, 0.0)
    stone_sprite = lit(
        stone,
        np.ones((*stone.alpha.shape, 3), np.float32) * jitter(rng, (0.46, 0.27, 0.13), 0.03),
        np.array([-0.4, -0.6, 0.66], np.float32),
        0.4,
        14,
    )
    lay(sprite, stone_sprite, sprite.shape[1] // 2 - stone.alpha.shape[1] // 2, int(size * 0.46))
    return sprite
