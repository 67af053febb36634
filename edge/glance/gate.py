"""What moved since the frame before: brightness at every 16th pixel or closer, compared. Pure.

Sensor noise, and light that changes everywhere at once, are not motion: the threshold follows the
camera's own noise, and the common change of the whole frame is taken off first.
"""

from __future__ import annotations

import msgspec
import numpy as np

from edge.records import F32, U8, Box, NDArray

LEAST = 6.0  # luma levels (0..255): less is noise on any camera
ABOVE_NOISE = 5.0  # times the noise; of 32,400 samples one in some frames gets there by chance
FOLLOWS = 0.05  # how quickly the learned noise follows
FEW = 2  # samples: one alone may be chance
SURE = 6.0  # samples that changed in a cell before it has surely moved
STEP_PX = 16  # between samples, at most
IN_A_CELL = 3  # samples along a side, at least, where there are as many pixels
SKIPPED = 3  # every third sample is enough to tell a median of thousands


class Gate(msgspec.Struct, frozen=True, eq=False):
    """One camera's last frame, and how much its pixels differ when nothing moves."""

    luma: U8 | None = None  # (h, w), sampled
    noise: float = 2.0  # luma levels, robust standard deviation of a difference
    changed: NDArray[np.bool_] | None = None  # (h, w) samples that differ from the frame before


def step_px(width: int, height: int, rows: int, columns: int) -> int:
    """How far apart the samples of a frame are, so that each cell has its own."""
    return max(1, min(STEP_PX, width // (IN_A_CELL * columns), height // (IN_A_CELL * rows)))


def moved(gate: Gate, luma: U8, rows: int, columns: int) -> tuple[Gate, F32]:
    """(h, w) samples of a new frame -> the gate after it, and (rows, columns) of motion, 0..1.

    The first frame of a camera, one of another size, or one too small for a sample has not moved.
    """
    if gate.luma is None or gate.luma.shape != luma.shape or not luma.size:
        return Gate(luma, gate.noise), np.zeros((rows, columns), np.float32)
    change = luma.astype(np.int16) - gate.luma
    change -= np.int16(round(_median(change[::SKIPPED, ::SKIPPED] + 255) - 255))
    size = np.abs(change)
    # equals a normal distribution's deviation
    spread = 1.4826 * _median(size[::SKIPPED, ::SKIPPED])
    is_first = gate.changed is None and spread <= LEAST  # it says it all; more is another scene
    follows = 1.0 if is_first else FOLLOWS
    noise = gate.noise + follows * (spread - gate.noise)
    changed = size > max(LEAST, ABOVE_NOISE * noise)
    counts = binned(changed, rows, columns)
    found = np.where(counts >= FEW, np.minimum(1.0, counts / SURE), 0.0)
    return Gate(luma, noise, changed), found.astype(np.float32)


def _median(levels: NDArray[np.int16]) -> float:
    """Of whole numbers from 0 on, to a fraction: each stands for all that were rounded to it. A
    camera's noise is a level or two, and half of that would be far off.
    """
    counts = np.bincount(levels.ravel())
    below = np.cumsum(counts)
    half = below[-1] / 2
    level = int(np.searchsorted(below, half))
    share = (half - below[level] + counts[level]) / counts[level]
    return float(level - 0.5 + share) if level else float(share / 2)


def tight(gate: Gate, box: Box, width: int, height: int) -> Box:
    """The part of `box` that changed, exact to a sample; the box itself where nothing did.

    width, height: of the frame, px. A cell is far larger than a sample, and a thing that fills only
    a third of its crop is no longer named.
    """
    if gate.changed is None:
        return box
    rows, columns = gate.changed.shape
    top, bottom = box[1] * rows // height, -(-box[3] * rows // height)
    left, right = box[0] * columns // width, -(-box[2] * columns // width)
    ys, xs = np.nonzero(gate.changed[top:bottom, left:right])
    if not ys.size:
        return box
    x0, y0 = (left + int(xs.min())) * width // columns, (top + int(ys.min())) * height // rows
    x1 = -(-(left + int(xs.max()) + 1) * width // columns)
    y1 = -(-(top + int(ys.max()) + 1) * height // rows)
    return max(x0, box[0]), max(y0, box[1]), min(x1, box[2]), min(y1, box[3])


def binned(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], rows: int, columns: int) -> F32:
    """(h, w) of yes and no -> (rows, columns) with the number of yes in each cell."""
    height, width = mask.shape
    tall, wide = max(rows, height), max(columns, width)
    if (tall, wide) != (height, width):  # fewer samples than cells: each one counts where it lies
        mask = mask[np.arange(tall) * height // tall][:, np.arange(wide) * width // wide]
    down = np.add.reduceat(mask.astype(np.float32), np.arange(rows) * tall // rows, axis=0)
    return np.add.reduceat(down, np.arange(columns) * wide // columns, axis=1)
