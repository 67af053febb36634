"""A fish belt from straight above: fish of known length, as a frame and as a clip."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from calib_data import backdrops
from calib_data.camera import photograph
from calib_data.draw_fish import SPECIES, Fish, fish
from calib_data.paint import F32, jitter, warp
from calib_data.stage import Scene, Stage, Thing, boxed

Rng = np.random.Generator
NOWHERE = (0, 0, 0, 0)
VIEW_MM = 1900.0  # what the frame's width shows of the belt


def belt(seed: int, size: tuple[int, int] = (3840, 2160)) -> Scene:
    """Fish on a belt, camera straight above; `size` is (width, height) in px."""
    rng = np.random.default_rng([seed, 3])
    width, height = size
    mm_per_px = VIEW_MM / width
    stage = _empty(rng, width, height, mm_per_px)
    scatter(stage, rng, int(rng.integers(9, 15)), mm_per_px)
    return stage.shoot(rng, blur_px=0.6 * width / 3840, noise_level=0.007, mm_per_px=mm_per_px)


def _empty(rng: Rng, width: int, height: int, mm_per_px: float) -> Stage:
    """The belt between its two steel side guides."""
    blue = (0.24, 0.42, 0.64) if rng.random() < 0.5 else (0.74, 0.76, 0.77)
    frame = backdrops.belt_ground(rng, height, width, jitter(rng, blue, 0.04), 60 / mm_per_px)
    guide = int(45 / mm_per_px)
    steel = np.interp(
        np.arange(guide), [0, guide * 0.3, guide * 0.75, guide], [0.5, 0.86, 0.6, 0.3]
    )
    frame[:guide] = steel[:, None, None]
    frame[-guide:] = steel[::-1, None, None]
    return Stage(frame)


def turned(drawn: Fish, degrees: float) -> Fish:
    """The fish rotated (counter-clockwise) and trimmed; its mid-line goes with it."""
    height, width = drawn.sprite.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(width * cos + height * sin) + 2, int(width * sin + height * cos) + 2
    matrix[:, 2] += np.array(size) / 2 - np.array((width, height)) / 2
    sprite = warp(drawn.sprite, matrix, size)
    x, y, w, h = cv2.boundingRect((sprite[..., 3] > 0.02).astype(np.uint8))
    midline = drawn.midline @ matrix[:, :2].T + matrix[:, 2] - [x, y]
    return Fish(sprite[y : y + h, x : x + w], midline.astype(np.float32))


def length_px(midline: F32) -> float:
    """Length of a mid-line (N, 2), px."""
    return float(np.hypot(*np.diff(midline.astype(np.float64), axis=0).T).sum())


def scatter(stage: Stage, rng: Rng, count: int, mm_per_px: float, tries: int = 12) -> None:
    """Lay up to `count` fish where there is room; none hangs over an edge or on another."""
    height, width = stage.frame.shape[:2]
    guide = int(45 / mm_per_px)
    for _ in range(count):
        tag = str(rng.choice(list(SPECIES)))
        length_mm = float(rng.uniform(*SPECIES[tag].mm))
        drawn = fish(
            rng, tag, length_mm / mm_per_px, rng.uniform(-0.10, 0.10), rng.uniform(-0.02, 0.02)
        )
        drawn = turned(drawn, rng.uniform(-50, 50) + 180 * rng.integers(2))
        tall, wide = drawn.sprite.shape[:2]
        for _ in range(tries):
            x = int(rng.uniform(8, max(9, width - wide - 8)))
            y = int(rng.uniform(guide, max(guide + 1, height - guide - tall)))
            if stage.is_free(drawn.sprite, x, y):
                truth = Thing("fish", tag, NOWHERE, length_mm, length_px(drawn.midline))
                stage.put(drawn.sprite, x, y, truth, 0.45)
                break


def clip(
    seed: int, path: Path | str, frames: int = 48, size: tuple[int, int] = (1280, 720)
) -> list[tuple[Thing, ...]]:
    """A short .mp4 of the belt moving to the left; gives the things of every frame.

    A fish that the border cuts has a box but no length.
    """
    rng = np.random.default_rng([seed, 4])
    width, height = size
    pace, mm_per_px = max(2, width // 160), VIEW_MM * 0.75 / width
    stage = _empty(rng, width + pace * frames, height, mm_per_px)
    scatter(stage, rng, 16, mm_per_px, tries=30)
    strip = photograph(rng, stage.frame, 0.8, 0.002)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 12.0, size)
    if not writer.isOpened():
        raise OSError(f"{path}: cannot be written as mp4v")
    truth = []
    for order in range(frames):
        left = order * pace
        writer.write(np.ascontiguousarray(strip[:, left : left + width, ::-1]))
        truth.append(_cut(stage, left, width))
    writer.release()
    return truth


def _cut(stage: Stage, left: int, width: int) -> tuple[Thing, ...]:
    window = stage.owner[:, left : left + width]
    things = boxed(stage.names, window)
    whole = [t.box[0] > 0 and t.box[2] < width for t in things]
    return tuple(
        t if w else Thing(t.head, t.tag, t.box) for t, w in zip(things, whole, strict=True)
    )
