"""What else lies about where fish are measured: rulers, hands, things, shadows, glare."""

from __future__ import annotations

import cv2
import numpy as np

from calib_data.backdrops import price_tag
from calib_data.paint import lay, noise, turn
from edge.records import F32

Rng = np.random.Generator
SKIN = (
    (0.85, 0.62, 0.50),
    (0.60, 0.42, 0.32),
    (0.92, 0.92, 0.95),
    (0.20, 0.35, 0.75),
    (0.9, 0.5, 0.1),
)


def ruler(rng: Rng, canvas: F32) -> None:
    """A bar with marks, anywhere."""
    side = max(canvas.shape[:2])
    long, wide = int(side * rng.uniform(0.5, 1.2)), max(4, int(side * rng.uniform(0.03, 0.1)))
    sprite = np.empty((wide, long, 4), np.float32)
    sprite[..., :3] = rng.choice(
        [(0.92, 0.9, 0.85), (0.9, 0.8, 0.2), (0.7, 0.7, 0.72), (0.2, 0.2, 0.2)]
    )
    sprite[..., 3] = 1
    pitch = max(2, int(side * rng.uniform(0.015, 0.06)))
    ink = rng.uniform(0, 0.25) if sprite[0, 0, 0] > 0.5 else 0.9
    sprite[: wide // 2, ::pitch, :3] = ink
    if rng.random() < 0.3:  # black and white fields
        sprite[:, (np.arange(long) // (3 * pitch)) % 2 == 0, :3] = ink
    put(rng, canvas, sprite, 0.2, 0.0)


def something(rng: Rng, canvas: F32, texture: F32, inner: float) -> F32:
    """A hand, a label or any thing, farther out than `inner`; gives its alpha."""
    kind = rng.random()
    if kind < 0.25:
        return hand(rng, canvas, inner)
    if kind < 0.4:
        side = max(canvas.shape[:2])
        wide = int(side * rng.uniform(0.1, 0.35))
        return put(rng, canvas, price_tag(rng, wide, int(wide * rng.uniform(0.4, 0.8))), 0.3, inner)
    return thing(rng, canvas, texture, inner)


def hand(rng: Rng, canvas: F32, inner: float) -> F32:
    """An arm from beyond the rim and some fingers, bare or in a glove; gives its alpha."""
    height, width = canvas.shape[:2]
    side = max(height, width)
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(inner, 0.7)
    out = np.array([np.cos(angle), np.sin(angle)])
    tip = np.array([width, height]) / 2 * (1 + far * out)
    thick = side * rng.uniform(0.03, 0.07)
    palm = tip + out * thick * rng.uniform(2.5, 4)
    alpha = np.zeros((height, width), np.float32)
    _limb(alpha, palm, palm + out * side, thick * rng.uniform(2.2, 3.2))
    across = np.array([-out[1], out[0]])
    for n in range(int(rng.integers(2, 5))):
        at = tip + across * thick * 1.15 * (n - 1.5) + out * thick * rng.uniform(-0.6, 0.6)
        _limb(alpha, palm + across * thick * 0.7 * (n - 1.5), at, thick)
    colour = rng.choice(SKIN) * (0.75 + 0.35 * rng.random())
    rough = 1 + 0.12 * noise(rng, height, width, thick, thick)
    deep = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    shade = (0.6 + 0.4 * np.clip(deep / thick, 0, 1)) * rough
    lay(canvas, np.dstack([np.clip(colour * shade[..., None], 0, 1), alpha]).astype(np.float32),
        0, 0, rng.uniform(0, 0.4))  # fmt: skip
    return alpha


def _limb(alpha: F32, start: F32, end: F32, thick: float) -> None:
    a, b = ((8 * p).round().astype(int).tolist() for p in (start, end))
    cv2.line(alpha, a, b, 1.0, max(2, round(thick)), cv2.LINE_AA, 3)


def ice(rng: Rng, side: int) -> F32:
    """Broken ice: pale lumps, each lit by its own face, dark between them."""
    cell = side * rng.uniform(0.03, 0.12)
    lumps = noise(rng, side, side, cell, cell)
    fine = noise(rng, side, side, cell / 3, cell / 3)
    light = 0.78 + 0.14 * np.tanh(3 * lumps) + 0.07 * fine
    light = light - 0.3 * (np.abs(lumps) < 0.08) * rng.uniform(0, 1)
    tint = np.array([0.92, 0.97, 1.0]) * rng.uniform(0.75, 1.05)
    return np.clip(light[..., None] * tint, 0, 1).astype(np.float32)


def thing(rng: Rng, canvas: F32, texture: F32, inner: float) -> F32:
    """A box, a lid, a lump: a patch of `texture`, or of one colour; gives its alpha."""
    side = max(canvas.shape[:2])
    tall, wide = (max(4, int(side * rng.uniform(0.06, 0.4))) for _ in range(2))
    sprite = np.zeros((tall, wide, 4), np.float32)
    sprite[..., :3] = cv2.resize(texture, (wide, tall))
    if rng.random() < 0.5:
        sprite[..., :3] = rng.choice(SKIN) * (0.8 + 0.3 * rng.random())
        sprite[..., :3] *= np.linspace(rng.uniform(0.6, 1), rng.uniform(0.8, 1.1), wide)[
            None, :, None
        ]
    if rng.random() < 0.4:
        sprite[..., 3] = 1
    else:
        for _ in range(int(rng.integers(1, 5))):
            at = rng.uniform(0.3, 0.7, 2) * [wide, tall]
            axes = rng.uniform(0.15, 0.5) * wide, rng.uniform(0.1, 0.4) * tall
            lump = np.zeros((tall, wide), np.float32)
            turned = float(rng.uniform(0, 180))
            cv2.ellipse(lump, (at.tolist(), axes, turned), 1.0, -1, cv2.LINE_AA)
            sprite[..., 3] = np.maximum(sprite[..., 3], lump)
    return put(rng, canvas, np.clip(sprite, 0, 1), 0.3, inner)


def put(rng: Rng, canvas: F32, sprite: F32, shadow: float, inner: float) -> F32:
    """Lay it turned, its middle farther from the canvas's than `inner` of the half; its alpha."""
    turned = turn(sprite, rng.uniform(0, 360))
    height, width = canvas.shape[:2]
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(inner, 0.95)
    at = np.array([1 + far * np.cos(angle), 1 + far * np.sin(angle)]) * [width / 2, height / 2]
    x, y = (at - np.array(turned.shape[1::-1]) / 2).astype(int).tolist()
    lay(canvas, turned, x, y, rng.uniform(0, shadow))
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return np.asarray(cv2.warpAffine(turned[..., 3], matrix, (width, height)), np.float32)


def lit(rng: Rng, canvas: F32) -> None:
    """Soft shadows and glare over all of it. In place."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(0, 3))):
        field = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
        at = (rng.uniform(0, 1, 2) * field.shape[::-1]).tolist()
        axes = (rng.uniform(0.1, 1.0, 2) * max(field.shape)).tolist()
        cv2.ellipse(field, (at, axes, float(rng.uniform(0, 180))), 1.0, -1)
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.5, 8))
        soft = cv2.resize(field, (width, height))[..., None]
        if rng.random() < 0.7:
            canvas *= 1 - rng.uniform(0.1, 0.6) * soft
        else:
            canvas += (1 - canvas) * rng.uniform(0.1, 0.6) * soft
