"""Small pictures with soft edges, ready to be laid on a frame: things, and what resembles them.

A distractor is cut, lit and laid exactly like a thing, so that having been pasted tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from calib_data.cutouts import Thing, photo, picture, resized
from edge.records import F32, U8, Box

Rng = np.random.Generator
ROUND = (0.04, 0.30)  # radius of the corners, share of the shorter side
SOFT_PX = (1.0, 3.0)  # width of the edge
MARKS = ("logo", "mark")  # heads of what has a right way round


class Patch(msgspec.Struct, frozen=True, eq=False):
    """A picture to lay on a frame."""

    pixels: U8  # (h, w, 3) RGB
    alpha: F32  # (h, w, 1) 0..1, above 0 somewhere in its first and last row and column

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.pixels.shape[1], self.pixels.shape[0]


def thing_patch(thing: Thing, side: float, draw: Rng, scale: float = 1.0) -> Patch:
    """The thing with its longest side at `side` px; mirrored at random, unless it is a mark."""
    rgb = picture(thing)
    if thing.head not in MARKS and draw.random() < 0.5:
        rgb = rgb[:, ::-1]
    return _patch(resized(rgb, side / max(rgb.shape[:2])), draw, scale)


def distractor_patch(
    distractors: Sequence[Thing],
    canvases: Sequence[Path | None],
    side: float,
    draw: Rng,
    scale: float = 1.0,
) -> Patch:
    """Something to leave alone: half of them pieces of photos, the others distractors or drawn."""
    photos = [c for c in canvases if c is not None]
    kind = draw.random()
    if photos and kind < 0.5:
        return _patch(_piece(photo(photos[draw.integers(len(photos))]), side, draw), draw, scale)
    if distractors and kind < 0.75:
        return thing_patch(distractors[draw.integers(len(distractors))], side, draw, scale)
    return _patch(_texture(side, draw), draw, scale)


def lay(frame: U8, patch: Patch, x: int, y: int, match: float = 0.0) -> Box:
    """Lay a patch with its upper left corner at x, y, inside the frame; in place. Gives its box.

    match   how far its brightness follows what it covers: 0 not at all, 1 altogether
    """
    width, height = patch.size
    under = frame[y : y + height, x : x + width]
    rgb = patch.pixels.astype(np.float32)
    if match:
        gain = (float(under.mean()) + 16) / (float(rgb.mean()) + 16)
        rgb *= min(1.5, max(0.6, gain**match))
    mixed = under + (rgb - under) * patch.alpha
    np.clip(mixed + 0.5, 0, 255, out=mixed)
    under[...] = mixed.astype(np.uint8)
    return x, y, x + width, y + height


def _patch(rgb: U8, draw: Rng, scale: float) -> Patch:
    height, width = rgb.shape[:2]
    radius = draw.uniform(*ROUND) * min(width, height)
    soft = max(0.5, draw.uniform(*SOFT_PX) * min(1.0, scale * 2))
    return Patch(np.ascontiguousarray(rgb), _rounded(width, height, radius, soft))


def _rounded(width: int, height: int, radius: float, soft: float) -> F32:
    """1 inside a rectangle with round corners, falling to 0 over `soft` px at its edge."""
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(x, 0)[None], np.maximum(y, 0)[:, None])
    inside = np.minimum(np.maximum(x[None], y[:, None]), 0)
    distance = radius - outside - inside  # px to the edge
    return np.asarray(np.clip(distance / soft, 0, 1)[..., None], np.float32)


def _piece(rgb: U8, side: float, draw: Rng) -> U8:
    """A part of a photo, seen at between its own size and an eighth of it."""
    height, width = rgb.shape[:2]
    tall, wide = _shape(side, draw)
    zoom = min(float(np.exp(draw.uniform(0, np.log(8)))), width / wide, height / tall)
    w, h = max(1, int(wide * zoom)), max(1, int(tall * zoom))
    x, y = int(draw.integers(width - w + 1)), int(draw.integers(height - h + 1))
    part = rgb[y : y + h, x : x + w]
    how = cv2.INTER_AREA if zoom >= 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (wide, tall), interpolation=how), np.uint8)


def _shape(side: float, draw: Rng) -> tuple[int, int]:
    """Height and width, px: `side` is the longer one."""
    short = max(2, round(side * draw.uniform(0.6, 1.0)))
    long = max(2, round(side))
    return (long, short) if draw.random() < 0.6 else (short, long)


def _texture(side: float, draw: Rng) -> U8:
    """A coloured patch: plain, graded, striped, chequered, dotted or cloudy."""
    tall, wide = _shape(side, draw)
    one, other = draw.uniform(10, 245, (2, 3)).astype(np.float32)
    turn, pitch = draw.uniform(0, np.pi), max(2.0, side * draw.uniform(0.08, 0.4))
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    along = (x * np.cos(turn) + y * np.sin(turn)) / pitch
    across = (y * np.cos(turn) - x * np.sin(turn)) / pitch
    kind = int(draw.integers(6))
    if kind == 0:
        mix = np.zeros_like(x)
    elif kind == 1:
        mix = along * pitch / max(1.0, side) % 1
    elif kind == 2:
        mix = (along % 1 < draw.uniform(0.2, 0.8)).astype(np.float32)
    elif kind == 3:
        mix = ((np.floor(along) + np.floor(across)) % 2).astype(np.float32)
    elif kind == 4:
        mix = (np.hypot(along % 1 - 0.5, across % 1 - 0.5) < draw.uniform(0.2, 0.45)).astype(
            np.float32
        )
    else:
        coarse = draw.random((max(2, tall // 8), max(2, wide // 8)), np.float32)
        mix = cv2.resize(coarse, (wide, tall), interpolation=cv2.INTER_CUBIC)
    grain = draw.normal(0, draw.uniform(0, 10), (tall, wide, 1))
    return np.clip(one + (other - one) * mix[..., None] + grain, 0, 255).astype(np.uint8)
