"""Round bodies seen by a camera: where their surface looks, and how light falls on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from calib_data.paint import F32, join

LIGHT = np.array([-0.42, -0.62, 0.66], np.float32)  # x right, y down, z to the camera


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A body's visible surface, arrays (H, W) unless said."""

    alpha: F32
    normal: F32  # (H, W, 3), unit length
    along: F32  # -1 at the stem end, 1 at the other
    around: F32  # radians about the stem axis
    x: F32  # body coordinates: 0 in the middle, 1 is half the size
    y: F32


def axes(height: int, width: int, half_px: float) -> tuple[F32, F32]:
    """x and y, (H, W), 0 in the middle, 1 at `half_px` pixels."""
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / half_px
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / half_px
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))


def ball(size: int, flat: float, tilt: float, spin: float, wobble: F32 | None = None) -> Body:
    """A squashed ball. `tilt` (radians) is the angle from the camera to the stem end.

    `wobble` holds up to four (amount) values for outline waves of 2, 3, 4, 5 periods.
    """
    x, y = axes(size, size, size * 0.46)
    y = y / flat
    reach = np.ones_like(x)
    theta = np.arctan2(y, x)
    for count, amount in enumerate(() if wobble is None else wobble, 2):
        reach = reach + amount * np.cos(count * theta + spin * count)
    u, v = x / reach, y / reach
    radius = np.hypot(u, v)
    alpha = np.clip((1 - radius) * size * 0.46 + 0.5, 0, 1)
    z = np.sqrt(np.clip(1 - radius**2, 0, 1))
    over = np.maximum(radius, 1)
    normal = np.stack([u / over, v / over, z], axis=2)
    stem = np.array([0, -np.sin(tilt), np.cos(tilt)], np.float32)
    side = np.array([0, np.cos(tilt), np.sin(tilt)], np.float32)
    along = np.arccos(np.clip(normal @ stem, -1, 1)) * (2 / np.pi) - 1
    around = np.arctan2(normal @ side, normal[..., 0]) + spin
    return Body(alpha, normal, along, around, x, y)


def lathe(
    size: int, radius: Callable[[F32], F32], bend: float = 0.0, lobes: int = 0, deep: float = 0.0
) -> Body:
    """A turned body with an upright axis, stem end on top, `size` pixels long.

    `radius` maps -1..1 along the axis to half-widths (1 is half the length); `bend` is the
    sideways bow of the axis; `lobes` furrows of depth `deep` run along it.
    """
    dense = np.linspace(-1, 1, 401, dtype=np.float32)
    table = np.maximum(radius(dense), 1e-3).astype(np.float32)
    half = size * 0.48
    width = int(2 * half * (table.max() + abs(bend)) + size * 0.06) + 2
    x, y = axes(size, width, half)
    rows = y[:, :1]
    r = np.where(np.abs(rows) <= 1, np.interp(rows, dense, table), 1e-3).astype(np.float32)
    slope = np.interp(rows, dense, np.gradient(table, dense)).astype(np.float32)
    off = x - bend * (0.5 - rows**2)
    inside = np.clip(off / r, -1, 1)
    around = np.arcsin(inside)
    z = np.sqrt(1 - inside**2) * r
    furrow = deep * np.sin(around * lobes) if lobes else 0.0
    normal = np.stack(
        [inside * r + furrow * z, -r * slope + 2 * bend * rows * inside * r, z + 0 * x], axis=2
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-4)
    edge = (r - np.abs(off)) * half / np.sqrt(1 + np.clip(slope, -3, 3) ** 2)
    alpha = np.clip(edge + 0.5, 0, 1) * (np.abs(rows) <= 1)
    return Body(alpha.astype(np.float32), normal, y, around, x, y)


def profile(*points: tuple[float, float], round_ends: float = 8) -> Callable[[F32], F32]:
    """Half-width along an axis through (position, half-width) points, rounded at both ends."""
    places, widths = np.array(points, np.float32).T

    def radius(at: F32) -> F32:
        straight = np.interp(at, places, widths)
        kernel = np.hanning(97)
        padded = np.pad(straight, 48, mode="edge")
        smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
        return smooth * np.sqrt(np.clip(1 - np.abs(at) ** round_ends, 0, 1))

    return radius


def bump(body: Body, relief: F32, strength: float) -> Body:
    """The body with normals pushed by a relief (H, W), for peel and pores."""
    down, right = np.gradient(relief)
    normal = body.normal - strength * np.stack([right, down, np.zeros_like(relief)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return Body(body.alpha, normal, body.along, body.around, body.x, body.y)


def lit(body: Body, colour: F32, light: F32, gloss: float = 0.3, sharp: float = 24) -> F32:
    """The body as a sprite (H, W, 4): ambient and direct light, highlight, dark rim."""
    facing = np.clip(body.normal @ light, 0, 1)
    half = light + np.array([0, 0, 1], np.float32)
    glint = np.clip(body.normal @ (half / np.linalg.norm(half)), 0, 1) ** sharp
    sky = np.clip(body.normal @ np.array([0, -1, 0], np.float32), 0, 1) ** 3
    deep = 0.40 + 0.14 * body.normal[..., 2] + 0.62 * facing
    shone = colour * deep[..., None] + (gloss * glint + 0.06 * gloss * sky)[..., None]
    return join(shone, body.alpha)


def light_at(degrees: float) -> F32:
    """The lamp as a sprite sees it that will be turned by `degrees`, so all shine one way."""
    a = np.deg2rad(degrees)
    x, y, z = LIGHT
    return np.array([x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a), z], np.float32)
