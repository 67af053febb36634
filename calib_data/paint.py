"""Sprites: float32 RGBA drawings with straight alpha, values 0..1, and how they meet a frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Colour = tuple[float, float, float]


def noise(rng: np.random.Generator, height: int, width: int, cell_y: float, cell_x: float) -> F32:
    """Smooth noise of about -1..1, (H, W); one bump is about a cell (pixels) in size."""
    rows, columns = int(height / max(cell_y, 1)) + 3, int(width / max(cell_x, 1)) + 3
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def grain(rng: np.random.Generator, height: int, width: int) -> F32:
    """White noise, standard deviation 1, (H, W)."""
    return rng.standard_normal((height, width), np.float32)


def jitter(rng: np.random.Generator, colour: Colour, amount: float = 0.06) -> F32:
    """A colour near `colour`, (3,), 0..1."""
    shift = rng.uniform(-amount, amount) + rng.uniform(-amount, amount, 3) * 0.6
    return np.clip(np.asarray(colour) + shift, 0.02, 1).astype(np.float32)


def mix(first: F32 | Colour, second: F32 | Colour, weight: F32) -> F32:
    """`first` where weight is 0, `second` where it is 1, (H, W, 3)."""
    share = np.clip(weight, 0, 1).astype(np.float32)
    size = (*share.shape, 3)
    under = np.broadcast_to(np.asarray(first, np.float32), size)
    return under + (np.broadcast_to(np.asarray(second, np.float32), size) - under) * _spread(share)


def _spread(weight: F32) -> F32:
    """A weight (H, W) for each of three channels; much quicker than broadcasting it."""
    return cv2.merge([weight, weight, weight])


def step(values: F32, low: float, high: float) -> F32:
    """Smooth step from 0 at `low` to 1 at `high`; falls when `low` is above `high`."""
    ramp = np.clip((values - low) / (high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def blank(height: int, width: int) -> F32:
    """An empty sprite, (H, W, 4)."""
    return np.zeros((height, width, 4), np.float32)


def join(colour: F32, alpha: F32) -> F32:
    """Colour (H, W, 3) or (3,) and alpha (H, W) as one sprite (H, W, 4)."""
    sprite = blank(*alpha.shape)
    sprite[..., :3] = np.clip(colour, 0, 1)
    sprite[..., 3] = alpha
    return sprite


def polygon(height: int, width: int, points: F32) -> F32:
    """Mask 0..1 (H, W) of a closed polygon, points (N, 2) in pixels, smooth at the edge."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(points) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def line(height: int, width: int, points: F32, thickness_px: float, *, closed: bool = False) -> F32:
    """Mask 0..1 (H, W) of a line through points (N, 2) in pixels."""
    return lines(height, width, [points], thickness_px, closed=closed)


def lines(
    height: int, width: int, paths: list[F32], thickness_px: float, *, closed: bool = False
) -> F32:
    """Mask 0..1 (H, W) of several lines, each through points (N, 2) in pixels."""
    mask = np.zeros((height, width), np.uint8)
    ready = [np.round(np.asarray(path) * 16).astype(np.int32) for path in paths]
    cv2.polylines(mask, ready, closed, 255, max(1, round(thickness_px)), cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def ellipse(height: int, width: int, x: float, y: float, rx: float, ry: float) -> F32:
    """Mask 0..1 (H, W) of an upright ellipse, all in pixels."""
    mask = np.zeros((height, width), np.uint8)
    centre, axes = (round(x * 16), round(y * 16)), (max(8, round(rx * 16)), max(8, round(ry * 16)))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def tint(sprite: F32, mask: F32, colour: F32 | Colour, strength: float = 1.0) -> None:
    """Paint `colour` on the sprite where mask is 1, without widening the sprite. In place."""
    x, y, w, h = cv2.boundingRect((mask > 0).astype(np.uint8))
    sprite, mask = sprite[y : y + h, x : x + w], mask[y : y + h, x : x + w]
    if np.ndim(colour) == 3:
        colour = colour[y : y + h, x : x + w]
    if w == 0:
        return
    under = np.ascontiguousarray(sprite[..., :3])
    share = _spread((mask * strength).astype(np.float32))
    sprite[..., :3] = under + (np.asarray(colour, np.float32) - under) * share


def add(sprite: F32, mask: F32, colour: F32 | Colour) -> None:
    """Paint `colour` over the sprite and widen it to the mask. In place."""
    x, y, w, h = cv2.boundingRect((mask > 0).astype(np.uint8))
    sprite, mask = sprite[y : y + h, x : x + w], mask[y : y + h, x : x + w]
    if np.ndim(colour) == 3:
        colour = colour[y : y + h, x : x + w]
    if w == 0:
        return
    mask = np.ascontiguousarray(mask, np.float32)
    alpha = sprite[..., 3]
    share = mask / np.maximum(mask + alpha * (1 - mask), 1e-4)
    over = np.ones_like(sprite)
    over[..., :3] = colour
    sprite += (over - sprite) * cv2.merge([share, share, share, mask])


def turn(sprite: F32, degrees: float, scale: float = 1.0) -> F32:
    """The sprite rotated (counter-clockwise) about its centre, on a canvas that holds it."""
    height, width = sprite.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(np.ceil(width * cos + height * sin)), int(np.ceil(width * sin + height * cos))
    matrix[:, 2] += (np.array(size) - 1) / 2 - (np.array((width, height)) - 1) / 2
    return warp(sprite, matrix, size)


def warp(sprite: F32, matrix: NDArray[np.float64], size: tuple[int, int]) -> F32:
    """The sprite through an affine matrix (2, 3) onto (width, height) pixels."""
    ready = sprite.copy()
    ready[..., :3] *= ready[..., 3:]
    moved = cv2.warpAffine(ready, matrix, size, flags=cv2.INTER_LINEAR)
    moved[..., :3] /= np.maximum(moved[..., 3:], 1e-3)
    return moved


def trim(sprite: F32) -> F32:
    """The sprite without its empty border."""
    x, y, w, h = cv2.boundingRect((sprite[..., 3] > 0.02).astype(np.uint8))
    return sprite[y : y + h, x : x + w]


def fit(sprite: F32, width: float, height: float) -> F32:
    """The trimmed sprite, scaled to the largest size inside width x height pixels."""
    sprite = trim(sprite)
    scale = min(width / sprite.shape[1], height / sprite.shape[0])
    size = max(1, round(sprite.shape[1] * scale)), max(1, round(sprite.shape[0] * scale))
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    ready = np.concatenate([sprite[..., :3] * sprite[..., 3:], sprite[..., 3:]], axis=2)
    ready = cv2.resize(ready, size, interpolation=flags)
    ready[..., :3] /= np.maximum(ready[..., 3:], 1e-3)
    return ready


def overlap(
    canvas_hw: tuple[int, int], sprite_hw: tuple[int, int], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Slices of the canvas and of a sprite laid at x, y (top left); None when they do not meet."""
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + sprite_hw[1], canvas_hw[1]), min(y + sprite_hw[0], canvas_hw[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))


def lay(canvas: F32, sprite: F32, x: int, y: int, shadow: float = 0.0) -> None:
    """Lay a sprite at x, y (top left, pixels) on a frame (H, W, 3) or a sprite (H, W, 4)."""
    if shadow > 0:
        darken(canvas, soft_shadow(sprite[..., 3]), x, y, shadow)
    parts = overlap(canvas.shape[:2], sprite.shape[:2], x, y)
    if parts is None:
        return
    under, over = canvas[parts[0]], sprite[parts[1]]
    if canvas.shape[2] == 4:
        add(under, over[..., 3], over[..., :3])
    else:
        tint(under, over[..., 3], over[..., :3])


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A soft shadow (H, W), 0..1, and where its top left lies from that of its sprite, px."""

    soft: F32
    right: int
    down: int


def soft_shadow(alpha: F32) -> Shadow:
    """The shadow of a sprite's alpha (H, W); worked out at a quarter of the size."""
    reach = max(4, int(min(alpha.shape) * 0.12))
    small = cv2.resize(alpha, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    pad = reach // 2 + 1
    small = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    small = cv2.GaussianBlur(small, (0, 0), max(reach / 8, 0.6))
    soft = cv2.resize(small, (small.shape[1] * 4, small.shape[0] * 4))
    return Shadow(soft, reach // 4 - pad * 4, reach // 2 - pad * 4)


def darken(canvas: F32, shadow: Shadow, x: int, y: int, strength: float) -> None:
    """Darken the canvas where the shadow of a sprite laid at x, y falls. In place."""
    at = x + shadow.right, y + shadow.down
    parts = overlap(canvas.shape[:2], shadow.soft.shape, *at)
    if parts is not None:
        dim = 1 - strength * shadow.soft[parts[1]]
        rest = [np.ones_like(dim)] * (canvas.shape[2] - 3)
        canvas[parts[0]] *= cv2.merge([dim, dim, dim, *rest])
