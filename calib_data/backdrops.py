"""What lies behind and beside the things: walls, boards, crates, cartons, bottles, price tags."""

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
    join,
    line,
    mix,
    noise,
    polygon,
    step,
    tint,
)

Rng = np.random.Generator


def surface(rng: Rng, height: int, width: int, colour: Colour | F32, rough: float = 0.05) -> F32:
    """A plain surface with an uneven tone, (H, W, 3)."""
    tone = noise(rng, height, width, height / 2.5, width / 2.5) * rough
    fine = noise(rng, height, width, 2, 2) * rough * 0.35
    return np.clip(np.asarray(colour, np.float32) * (1 + tone + fine)[..., None], 0, 1)


def wood(rng: Rng, height: int, width: int, colour: Colour | F32, planks: int = 4) -> F32:
    """Planks with grain along x, (H, W, 3)."""
    fibre = noise(rng, height, width, 2.2, width / 3) + 0.8 * noise(
        rng, height, width, 7, width / 2
    )
    out = np.asarray(colour, np.float32) * (1 + 0.13 * fibre)[..., None]
    y = np.arange(height, dtype=np.float32) / height * planks
    tone = rng.uniform(0.86, 1.08, planks + 1)[np.minimum(y.astype(int), planks)]
    gap = 1 - 0.6 * step(np.abs(y % 1 - 0.5), 0.47, 0.495)
    return np.clip(out * (tone * gap)[:, None, None], 0, 1).astype(np.float32)


def cloth_bed(rng: Rng, height: int, width: int, colour: Colour | F32) -> F32:
    """A crumpled sheet, (H, W, 3)."""
    relief = noise(rng, height, width, height / 4, width / 3) + 0.5 * noise(
        rng, height, width, height / 9, width / 5
    )
    slope = np.gradient(relief, axis=0) * height * 0.03 + np.gradient(relief, axis=1) * width * 0.02
    return np.clip(np.asarray(colour, np.float32) * (1 + 0.4 * slope)[..., None], 0, 1)


def belt_ground(rng: Rng, height: int, width: int, colour: Colour | F32, links: float) -> F32:
    """A modular conveyor belt seen from above, (H, W, 3); `links` is the pitch in pixels."""
    out = surface(rng, height, width, colour, 0.05)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(links, 3)
    row = np.floor(x)
    slot = step(np.abs(x - row - 0.5), 0.44, 0.49)
    hole = step(np.hypot((x - row - 0.5) * 1.8, ((y + 0.5 * (row % 2)) % 1 - 0.5)), 0.30, 0.20)
    out = out * (1 - 0.45 * slot - 0.35 * hole)[..., None]
    wet = step(noise(rng, height, width, height / 5, width / 5), 0.2, 0.8)
    return np.clip(out + 0.06 * wet[..., None], 0, 1)


def crate(rng: Rng, width: int, height: int) -> F32:
    """A shallow open crate with a dark inside, (H, W, 4)."""
    kinds = ((0.66, 0.50, 0.32), (0.16, 0.36, 0.22), (0.13, 0.13, 0.14), (0.70, 0.56, 0.40))
    kind = int(rng.integers(len(kinds)))
    colour = jitter(rng, kinds[kind], 0.05)
    face = wood(rng, height, width, colour, 5) if kind == 0 else surface(rng, height, width, colour)
    sprite = join(face, np.ones((height, width), np.float32))
    rim = max(4, int(min(height, width) * 0.045))
    inside = np.zeros((height, width), np.float32)
    inside[rim : height - 3 * rim, rim : width - rim] = 1
    tint(sprite, inside, colour * 0.22)
    lip = max(2, rim // 3)
    sprite[height - 3 * rim : height - 3 * rim + lip, :, :3] *= 1.25
    if kind in (1, 2):
        for x in range(2 * rim, width - 2 * rim, 2 * rim):
            sprite[height - 2 * rim : height - rim, x : x + rim, :3] *= 0.45
    np.clip(sprite, 0, 1, out=sprite)
    return sprite


def _letters(sprite: F32, rng: Rng, x: float, y: float, tall: float, count: int, ink: F32) -> None:
    """A made-up word: strokes that look like letters and say nothing. In place."""
    paths = []
    for order in range(count):
        left, wide = x + order * tall * 0.72, tall * 0.5
        grid = np.array([(0, 0), (1, 0), (0, 1), (1, 1), (0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1)])
        picks = grid[rng.permutation(8)[: rng.integers(3, 6)]]
        paths.append(picks * [wide, tall] + [left, y])
    mask = np.zeros(sprite.shape[:2], np.uint8)
    cv2.polylines(
        mask,
        [np.round(p * 16).astype(np.int32) for p in paths],
        False,
        255,
        max(1, round(tall * 0.15)),
        cv2.LINE_AA,
        4,
    )
    tint(sprite, mask.astype(np.float32) / 255, ink)


PACK: tuple[Colour, ...] = (
    (0.78, 0.16, 0.14),
    (0.14, 0.34, 0.62),
    (0.93, 0.76, 0.16),
    (0.16, 0.48, 0.30),
    (0.94, 0.93, 0.90),
    (0.44, 0.22, 0.48),
    (0.92, 0.50, 0.14),
    (0.24, 0.62, 0.66),
    (0.16, 0.16, 0.18),
    (0.90, 0.66, 0.70),
    (0.66, 0.52, 0.36),
)


def _inks(rng: Rng) -> tuple[F32, F32, F32]:
    first, second, third = rng.permutation(len(PACK))[:3]
    return jitter(rng, PACK[first]), jitter(rng, PACK[second]), jitter(rng, PACK[third])


def carton(rng: Rng, width: int, height: int) -> F32:
    """A printed carton with abstract shapes, a made-up name and a bar code, (H, W, 4)."""
    ground, second, ink = _inks(rng)
    sprite = join(surface(rng, height, width, ground, 0.04), np.ones((height, width), np.float32))
    unit = np.array([width, height], np.float32)
    if rng.random() < 0.5:
        slab = np.array([(0, rng.uniform(0.3, 0.6)), (1, rng.uniform(0.3, 0.6)), (1, 1), (0, 1)])
        tint(sprite, polygon(height, width, slab * unit), second)
    else:
        reach = min(width, height) * rng.uniform(0.25, 0.42)
        at = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.5, 0.75)
        tint(sprite, ellipse(height, width, *at, reach, reach), second)
    tall = min(height * 0.16, width * 0.2)
    count = max(2, int(width * 0.8 / (tall * 0.72)))
    name = ink if abs(ink.mean() - ground.mean()) > 0.25 else np.clip(1 - ground, 0, 1)
    _letters(sprite, rng, width * 0.1, height * 0.12, tall, min(count, 6), name)
    _letters(sprite, rng, width * 0.1, height * 0.36, tall * 0.4, min(count + 2, 9), name)
    for x in np.arange(0.68, 0.92, 0.02):
        if rng.random() < 0.6:
            sprite[
                int(height * 0.86) : int(height * 0.95),
                int(x * width) : int((x + 0.01) * width) + 1,
                :3,
            ] = 0.08
    sprite[:, : max(1, width // 30), :3] *= 0.75
    sprite[: max(1, height // 40), :, :3] *= 1.15
    np.clip(sprite, 0, 1, out=sprite)
    return sprite


def bottle(rng: Rng, width: int, height: int) -> F32:
    """A bottle or a jar with a label, (H, W, 4)."""
    glass, label, ink = _inks(rng)
    neck = rng.uniform(0.26, 0.8)
    shoulder = rng.uniform(0.18, 0.36)
    outline = np.array(
        [
            (0.5 - neck / 2, 0.02),
            (0.5 - neck / 2, shoulder * 0.6),
            (0.04, shoulder),
            (0.04, 0.97),
            (0.12, 0.995),
            (0.5, 1.0),
        ],
        np.float32,
    )
    points = np.vstack([outline, np.stack([1 - outline[::-1, 0], outline[::-1, 1]], axis=1)])
    sprite = blank(height, width)
    add(sprite, polygon(height, width, points * [width, height]), glass * 0.8)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    band = np.zeros((height, width), np.float32)
    band[int(height * 0.45) : int(height * 0.82), int(width * 0.05) : int(width * 0.95)] = 1
    tint(sprite, band, label)
    _letters(sprite, rng, width * 0.18, height * 0.54, width * 0.17, 5, ink)
    cap = np.zeros((height, width), np.float32)
    cap[: int(height * 0.09), int(width * (0.49 - neck / 2)) : int(width * (0.51 + neck / 2))] = 1
    add(sprite, cap, ink * 0.9)
    round_ = (
        0.55 + 0.5 * np.sqrt(np.clip(1 - x**2, 0, 1)) + 0.35 * np.exp(-(((x + 0.5) / 0.12) ** 2))
    )
    sprite[..., :3] = np.clip(sprite[..., :3] * round_[None, :, None], 0, 1)
    return sprite


def price_tag(rng: Rng, width: int, height: int) -> F32:
    """A white or yellow card with a price in made-up strokes, (H, W, 4)."""
    paper = (0.96, 0.95, 0.92) if rng.random() < 0.6 else (0.98, 0.86, 0.22)
    sprite = join(
        np.broadcast_to(jitter(rng, paper, 0.03), (height, width, 3)),
        np.ones((height, width), np.float32),
    )
    ink = np.array((0.10, 0.10, 0.12) if rng.random() < 0.6 else (0.76, 0.10, 0.10), np.float32)
    _letters(sprite, rng, width * 0.08, height * 0.12, height * 0.18, 6, ink)
    _letters(sprite, rng, width * 0.34, height * 0.42, height * 0.44, 3, ink)
    edge = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)])
    tint(sprite, line(height, width, edge, 1, closed=True), (0.5, 0.5, 0.5), 0.6)
    return sprite


def shelf_edge(rng: Rng, height: int, width: int) -> F32:
    """The front of a shelf board with its price rail and tags, (H, W, 3)."""
    out = surface(rng, height, width, jitter(rng, (0.80, 0.80, 0.78), 0.08), 0.04)
    out[: max(1, height // 12)] *= 1.12
    out[-max(1, height // 8) :] *= 0.55
    each = int(height * rng.uniform(1.2, 1.7))
    for x in range(int(rng.uniform(0, each)), width, int(each * rng.uniform(1.6, 3))):
        tag = price_tag(rng, each, int(height * 0.74))
        tag = tag[:, : max(0, width - x)]
        out[height // 8 : height // 8 + tag.shape[0], x : x + tag.shape[1]] = tag[..., :3]
    return np.clip(out, 0, 1)


def empty_rail(rng: Rng, height: int, width: int) -> F32:
    """A wall with a steel rail and a few bare hangers, (H, W, 3)."""
    out = surface(rng, height, width, jitter(rng, (0.80, 0.78, 0.74), 0.12), 0.06)
    y, thick = height * rng.uniform(0.12, 0.4), max(3, height * 0.03)
    bar = line(height, width, np.array([(-5, y), (width + 5, y + rng.uniform(-5, 5))]), thick)
    tint(out, bar, (0.62, 0.63, 0.65))
    tint(
        out,
        line(
            height,
            width,
            np.array([(-5, y - thick * 0.2), (width + 5, y - thick * 0.2)]),
            thick * 0.25,
        ),
        (0.92, 0.92, 0.93),
        0.7,
    )
    for _ in range(int(rng.integers(0, 5))):
        x, reach = rng.uniform(0, width), height * rng.uniform(0.12, 0.2)
        top = np.array([x, y + height * 0.1])
        arms = np.array([top - (reach, -reach * 0.5), top, top - (-reach, -reach * 0.5)])
        tint(out, line(height, width, np.array([[x, y], top]), 2), (0.5, 0.5, 0.52))
        tint(
            out, line(height, width, arms, thick * 0.6, closed=True), jitter(rng, (0.5, 0.36, 0.22))
        )
    return out


def mixed_ground(rng: Rng, height: int, width: int, kinds: str) -> F32:
    """One of the named grounds: wall, wood, bed, belt, tiles; (H, W, 3)."""
    names = kinds.split()
    name = names[rng.integers(len(names))]
    grey = rng.uniform(0.2, 0.95)
    tone = np.clip(grey + rng.uniform(-0.10, 0.10, 3), 0.05, 1).astype(np.float32)
    if name == "wood":
        brown = jitter(rng, (0.58, 0.42, 0.28), 0.16)
        board = wood(rng, height, width, brown, int(rng.integers(2, 6)))
        return (
            np.ascontiguousarray(board.swapaxes(0, 1))
            if rng.random() < 0.5 and height == width
            else board
        )
    if name == "bed":
        return cloth_bed(rng, height, width, np.clip(tone + 0.15, 0, 1))
    if name == "belt":
        blue = (0.20, 0.36, 0.60) if rng.random() < 0.4 else (0.62, 0.64, 0.66)
        return belt_ground(
            rng, height, width, jitter(rng, blue, 0.10), height * rng.uniform(0.05, 0.14)
        )
    out = surface(rng, height, width, tone, 0.08)
    if name == "tiles":
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / (height * rng.uniform(0.2, 0.5))
        joint = np.maximum(
            step(np.abs(x % 1 - 0.5), 0.48, 0.49), step(np.abs(y % 1 - 0.5), 0.48, 0.49)
        )
        out = mix(out, (0.45, 0.44, 0.42), joint * 0.7)
    return out
