"""Position tables of one window size, resized to another.

The scheme is BEiT's, which Swin's and RAM's loaders share: the old table's points stand in a
geometric progression 1, 1 + q, 1 + q + q^2, ... on both sides of 0, with q chosen so that they just
span the new window; a cubic spline through them is read at the new window's whole numbers. That is
what SciPy's interp2d(kind="cubic") did on a grid before SciPy 1.14 removed it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

F64 = NDArray[np.float64]

NARROWEST, WIDEST, CLOSE = 1.01, 1.5, 1e-6  # where the published loaders look for q


def side_of(rows: int) -> int:
    """Points a side of a table of `rows`: 169 -> 13. 0 when it is no odd square from 5 x 5 on.

    A cubic needs four points, so 3 x 3 (a window of 2) cannot be resized either.
    """
    side = math.isqrt(rows)
    return side if side * side == rows and side % 2 == 1 and side >= 5 else 0


def resized(table: Tensor, rows: int) -> Tensor:
    """(old rows, heads) -> (rows, heads) float32; the table itself where it has that size."""
    if table.shape[0] == rows:
        return table
    old, new = side_of(table.shape[0]), side_of(rows)
    if not old or not new:
        raise ValueError(f"table of {table.shape[0]} rows to {rows}, expected odd squares from 25")
    wanted = np.arange(-(new // 2), new // 2 + 1, dtype=np.float64)
    read = spline(points(old, new), wanted)  # (new, old)
    square = table.detach().cpu().double().numpy().reshape(old, old, -1)
    out = np.einsum("ai,bj,ijh->abh", read, read, square, optimize=True)
    return torch.from_numpy(out.reshape(rows, -1).astype(np.float32)).to(table.device)


def points(old: int, new: int) -> F64:
    """Where the old table's points stand, in steps of the new window; (old,), symmetric."""
    steps = np.cumsum(progression(old // 2, new // 2) ** np.arange(old // 2))
    both: F64 = np.concatenate([-steps[::-1], [0.0], steps])
    return both


def progression(terms: int, reach: int) -> float:
    """q with 1 + q + ... + q^(terms - 1) = reach, by bisection; the last midpoint, as published.

    Where the table shrinks, no q above NARROWEST fits: the result is NARROWEST, and the new window
    then reads the middle of the old one.
    """
    low, high = NARROWEST, WIDEST
    q = (low + high) / 2
    while high - low > CLOSE:
        q = (low + high) / 2
        too_far = (1 - q**terms) / (1 - q) > reach
        low, high = (low, q) if too_far else (q, high)
    return q


def spline(at: F64, wanted: F64) -> F64:
    """(W, P) matrix: values at P ascending points -> the cubic spline's values at `wanted`.

    Not-a-knot at both ends; beyond the ends the end's value, as FITPACK evaluates.
    """
    step = np.diff(at)
    bend = curvature(step)  # (P, P): values -> second derivatives
    x = np.clip(wanted, at[0], at[-1])
    left = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(step) - 1)
    h = step[left]
    b = (x - at[left]) / h  # 0 at the left point, 1 at the right one
    a = 1 - b
    value = np.eye(len(at))
    inner = (a**3 - a)[:, None] * bend[left] + (b**3 - b)[:, None] * bend[left + 1]
    return a[:, None] * value[left] + b[:, None] * value[left + 1] + (h**2 / 6)[:, None] * inner


def curvature(step: F64) -> F64:
    """(P, P) for P - 1 steps: values at the points -> the spline's second derivatives there."""
    count = len(step) + 1
    system, slopes = np.zeros((count, count)), np.zeros((count, count))
    for i in range(1, count - 1):
        before, after = step[i - 1], step[i]
        system[i, i - 1 : i + 2] = before / 6, (before + after) / 3, after / 6
        slopes[i, i - 1 : i + 2] = 1 / before, -1 / before - 1 / after, 1 / after
    # Not-a-knot: the third derivative does not jump at the second and the last but one point.
    system[0, :3] = -1 / step[0], 1 / step[0] + 1 / step[1], -1 / step[1]
    system[-1, -3:] = -1 / step[-2], 1 / step[-2] + 1 / step[-1], -1 / step[-1]
    return np.asarray(np.linalg.solve(system, slopes), np.float64)
