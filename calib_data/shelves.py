"""A shop shelf: boards with produce crates, cartons and bottles, price tags, a rail beside it."""

from __future__ import annotations

import numpy as np

from calib_data import backdrops
from calib_data.camera import oblique
from calib_data.crops import CLOTHES, HUNG
from calib_data.draw_wear import on_hanger
from calib_data.heaps import LONG, PIECES, UPRIGHT, heap
from calib_data.paint import F32, fit, jitter, join, step, tint
from calib_data.stage import Scene, Stage, Thing

Rng = np.random.Generator
NOWHERE = (0, 0, 0, 0)


def shelf(
    seed: int, size: tuple[int, int] = (3840, 2160), *, garments: bool | None = None
) -> Scene:
    """A shop shelf, `size` is (width, height) in px. `garments`: with a clothes rail beside it."""
    rng = np.random.default_rng([seed, 1])
    width, height = size
    stage = Stage(
        backdrops.surface(rng, height, width, jitter(rng, (0.72, 0.72, 0.70), 0.10), 0.06)
    )
    beside = rng.random() < 0.4 if garments is None else garments
    end = int(width * 0.80) if beside else width
    tags = list(rng.permutation(list(PIECES)))
    cuts = np.cumsum([0.0, *rng.dirichlet(np.full(4, 40))])
    for row in range(4):
        top, foot = int(cuts[row] * height), int(cuts[row + 1] * height)
        _board(stage, rng, top, foot, end, tags, produce=row >= 1)
    if beside:
        _side_rail(stage, rng, end)
    matrix = oblique(rng, width, height, 0.035)
    return stage.shoot(rng, matrix, blur_px=0.7 * width / 3840, noise_level=0.007)


def _board(
    stage: Stage, rng: Rng, top: int, foot: int, end: int, tags: list[str], *, produce: bool
) -> None:
    """One board between `top` and `foot` (px): its dark back, what stands on it, its front edge."""
    edge = max(10, (foot - top) // 7)
    floor = foot - edge
    stage.frame[top:foot, :end] = _niche(rng, foot - top, end)
    x, gap = int(rng.uniform(0, 0.02) * end), max(3, end // 320)
    while x < end - 40:
        tall = floor - top
        wide = min(int(tall * rng.uniform(0.75, 1.7)), end - x)
        if wide > tall * 0.5 and produce and tags and rng.random() < 0.78:
            produce_crate(stage, rng, str(tags.pop()), (x, top, wide - gap, tall))
        else:
            _packs(stage, rng, (x, top, wide - gap, tall))
        x += wide
    front = backdrops.shelf_edge(rng, edge, end)
    stage.put(join(front, np.ones((edge, end), np.float32)), 0, floor, shadow=0.5)


def _niche(rng: Rng, height: int, width: int) -> F32:
    out = backdrops.surface(rng, height, width, jitter(rng, (0.46, 0.45, 0.43), 0.08), 0.05)
    y = np.linspace(0, 1, height, dtype=np.float32)
    return out * (0.35 + 0.65 * step(y, 0.0, 0.7))[:, None, None]


def produce_crate(stage: Stage, rng: Rng, tag: str, space: tuple[int, int, int, int]) -> None:
    """A crate with a heap of one product in a space (x, top, width, height), on its lower edge."""
    x, top, wide, tall = space
    rise = rng.uniform(0.72, 0.94)
    y, deep = int(top + tall * (1 - rise)), int(tall * rise)
    panel = int(deep * rng.uniform(0.20, 0.30))
    front = crate_front(rng, wide, panel)
    inside = np.broadcast_to(front[0, 0, :3] * 0.25, (int(deep * 0.62), wide, 3))
    stage.put(
        join(inside, np.ones(inside.shape[:2], np.float32)), x, y + int(deep * 0.36), shadow=0.4
    )
    share = rng.uniform(0.58, 0.8) if tag in LONG or tag in UPRIGHT else rng.uniform(0.28, 0.44)
    each = int(min(deep, wide) * share)
    pile = heap(rng, tag, int(wide * 0.97), int(deep * 0.92), each, mound=rng.uniform(0.08, 0.25))
    stage.put(pile, x + int(wide * 0.015), y, Thing("grocery", tag, NOWHERE), 0.5)
    stage.put(front, x, y + deep - panel, shadow=0.35)
    if rng.random() < 0.7:
        card = backdrops.price_tag(rng, int(panel * 1.3), int(panel * 0.8))
        stage.put(
            card, x + int(wide * rng.uniform(0.1, 0.6)), y + deep - int(panel * 0.92), shadow=0.3
        )


def crate_front(rng: Rng, width: int, height: int) -> F32:
    """The front of a crate: wooden slats, slotted plastic, or cardboard; (H, W, 4)."""
    kind = int(rng.integers(3))
    solid = np.ones((height, width), np.float32)
    if kind == 0:
        return join(
            backdrops.wood(rng, height, width, jitter(rng, (0.70, 0.54, 0.35), 0.06), 2), solid
        )
    tones = ((0.14, 0.36, 0.22), (0.13, 0.13, 0.15), (0.20, 0.34, 0.60))
    base = tones[rng.integers(3)] if kind == 1 else (0.72, 0.57, 0.40)
    sprite = join(backdrops.surface(rng, height, width, jitter(rng, base, 0.04), 0.05), solid)
    if kind == 1:
        x, y = np.arange(width) / max(height, 1) * 3.2, np.linspace(0, 1, height)
        slots = (
            step(np.abs(x % 1 - 0.5), 0.34, 0.28)[None]
            * step(np.abs(y - 0.55), 0.26, 0.20)[:, None]
        )
        tint(sprite, slots.astype(np.float32), np.array(base) * 0.3)
    sprite[: max(1, height // 9), :, :3] = np.clip(sprite[: max(1, height // 9), :, :3] * 1.3, 0, 1)
    return sprite


def _packs(stage: Stage, rng: Rng, space: tuple[int, int, int, int]) -> None:
    """A row of equal cartons or bottles: nothing that a head should name."""
    x, top, wide, tall = space
    deep = int(tall * rng.uniform(0.62, 0.92))
    is_bottle = rng.random() < 0.4
    each = int(deep * (rng.uniform(0.26, 0.36) if is_bottle else rng.uniform(0.5, 0.95)))
    each = max(16, wide // max(1, round(wide / each)) - 2)
    pack = backdrops.bottle(rng, each, deep) if is_bottle else backdrops.carton(rng, each, deep)
    count = max(1, wide // (each + 2))
    for order in range(count):
        shade = np.array([*[rng.uniform(0.9, 1.05)] * 3, 1], np.float32)
        at = x + order * (each + max(1, (wide - count * each) // count))
        stage.put(
            np.clip(pack * shade, 0, 1),
            at,
            top + tall - deep + int(rng.uniform(-2, 2)),
            shadow=0.35,
        )


def _side_rail(stage: Stage, rng: Rng, start: int) -> None:
    """Garments on two rails to the right of `start` (px), before a plain wall."""
    height, width = stage.frame.shape[:2]
    room = width - start
    stage.frame[:, start:] = backdrops.surface(
        rng, height, room, jitter(rng, (0.82, 0.80, 0.76), 0.06)
    )
    stage.frame[:, start : start + max(4, room // 30)] *= 0.6
    for level in (0.03, 0.52):
        bar = (
            np.zeros((max(6, height // 130), room, 3), np.float32)
            + np.linspace(0.85, 0.4, max(6, height // 130), dtype=np.float32)[:, None, None]
        )
        y = int(height * level)
        stage.put(join(bar, np.ones(bar.shape[:2], np.float32)), start + room // 20, y)
        for place in (0.06, 0.45):
            tag = str(rng.choice(sorted(HUNG)))
            garment = on_hanger(rng, CLOTHES[tag](rng, int(room * 0.9)))
            sprite = fit(garment, room * 0.50, height * 0.46)
            at = start + int(room * place), y - int(height * 0.008)
            stage.put(sprite, *at, Thing("clothes", tag, NOWHERE), 0.4)
