"""The line along the middle of a long body, from its mask: bent, rotated, forked. Pure.

A wave that runs through the mask from its farthest pixel gives a first line, whatever the bend: the
middles of its fronts, in order. Then the body is straightened along the line, its middle found
again crosswise, where thick parts count more than fins, and the line moved there.

Points are (N, 2), x and y in pixels; the middle of pixel (0, 0) is at 0, 0.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.records import F32, F64, U8, NDArray

COARSE_PX = 80  # longer side of what the line is found in
DEGREE = 5  # of the line: a bow and an S, and no fin
STATIONS = 96  # along the body
ROUNDS = 6  # of fitting it, each with less trust in what lies far off
MOVES = 2  # of the line, crosswise to it
ACROSS = 41  # points of a crosswise cut
THIN = 0.1  # of the thickest place: what is thinner, like a lobe of a tail, tells no middle
TRIMMED = 0.06  # share of the fronts at each end: the last ones are in one lobe of a tail alone
BEYOND = 0.3  # how far it goes on at both ends, in its lengths: the tips of a tail must lie on it
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
SQUARE = np.ones((3, 3), np.uint8)


def midline(mask: U8) -> F64 | None:
    """The line through the one body of `mask` (H, W; 0 or 1), longer than it at both ends.

    (STATIONS, 2), evenly spaced. None for a mask with nothing long in it.
    """
    small, scale, corner = _small(mask)
    wave = first_line(small)
    if wave is None:
        return None
    few = int(TRIMMED * len(wave))
    line = smooth((wave[few : len(wave) - few - 1] + wave[few + 1 : len(wave) - few]) / 2)
    thick = np.asarray(cv2.distanceTransform(small, cv2.DIST_L2, 3), np.float32)
    for _ in range(MOVES):
        line = smooth(_moved(line, thick))
    return longer(line * scale + corner, BEYOND)


def first_line(mask: U8) -> F64 | None:
    """Middles of the fronts of waves from one end to the other, (N, 2); None for under 8 fronts.

    Each end is told by the wave that comes from the other one: it reaches both lobes of a tail at
    a time, where one that began in a lobe would tell of that lobe alone.
    """
    inside = np.argwhere(mask)
    if len(inside) < 16:
        return None
    middle = inside[np.argmin(((inside - inside.mean(0)) ** 2).sum(1))]
    fronts = _fronts(mask, _farthest(_fronts(mask, middle)))
    there, back = _middles(fronts), _middles(_fronts(mask, _farthest(fronts)))
    if min(len(there), len(back)) < 8:
        return None
    return np.concatenate([back[: len(back) // 2 - 1 : -1], there[len(there) // 2 :]])


def _middles(fronts: NDArray[np.int32]) -> F64:
    """(N, 2), of each front in order."""
    rows, columns = np.nonzero(fronts >= 0)
    number = fronts[rows, columns]
    count = np.bincount(number)
    return np.stack([np.bincount(number, columns) / count, np.bincount(number, rows) / count], 1)


def smooth(points: F64) -> F64:
    """A polynomial through most of them in order, as (STATIONS, 2), evenly spaced.

    Points that lie far from it, as where a fin pulls the middle aside, hardly count.
    """
    powers = np.vander(np.linspace(-1, 1, len(points)), DEGREE + 1)
    weights = np.ones((len(points), 1))
    for _ in range(ROUNDS):
        shape, *_ = np.linalg.lstsq(powers * weights, points * weights, rcond=1e-6)
        off = np.hypot(*(points - powers @ shape).T)[:, None]
        weights = 1 / np.sqrt(1 + (off / max(1.5 * float(np.median(off)), 1e-3)) ** 2)
    dense = np.vander(np.linspace(-1, 1, 4 * STATIONS), DEGREE + 1) @ shape
    return evenly(np.asarray(dense, np.float64), STATIONS)


def evenly(points: F64, count: int) -> F64:
    """The same line with `count` points at even distances."""
    along = arc(points)
    places = np.linspace(0, along[-1], count)
    return np.stack([np.interp(places, along, points[:, k]) for k in (0, 1)], 1)


def arc(points: F64) -> F64:
    """(N,) length of the line up to each of its points."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def longer(line: F64, share: float) -> F64:
    """The line, going straight on at both ends for `share` of its length."""
    reach = share * arc(line)[-1]
    few = max(2, len(line) // 10)
    ends = [_unit(line[0] - line[few]), _unit(line[-1] - line[-1 - few])]
    return evenly(np.vstack([line[0] + reach * ends[0], line, line[-1] + reach * ends[1]]),
                  len(line))  # fmt: skip


def cuts(line: F64, reach: float, across: int) -> tuple[F32, F32]:
    """Crosswise cuts of the plane along the line, `reach` to each side: x and y, (N, across)."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    off = np.linspace(-reach, reach, across)
    x = line[:, :1] - along[:, 1:] * off
    y = line[:, 1:] + along[:, :1] * off
    return x.astype(np.float32), y.astype(np.float32)


def _moved(line: F64, thick: F32) -> F64:
    """Its points where the middle of the body is; fins and what lies beside hardly count."""
    reach = 1.5 * float(thick.max())
    x, y = cuts(line, reach, ACROSS)
    weight = cv2.remap(thick, x, y, cv2.INTER_LINEAR, borderValue=0).astype(np.float64)
    here = weight[:, ACROSS // 2]
    tells = here >= THIN * here.max()
    off = np.linspace(-reach, reach, ACROSS) / (1.5 * here + 1)[:, None]
    weight *= np.exp(-(off**2))  # a bend brings other parts of the body near
    at = weight**2 / np.maximum((weight**2).sum(1, keepdims=True), 1e-9)
    points = np.stack([(x * at).sum(1), (y * at).sum(1)], 1)
    return np.where(tells[:, None], points, line)


def _small(mask: U8) -> tuple[U8, float, F64]:
    """The body alone at COARSE_PX, px of the mask a px of it, and where its first pixel lies."""
    x, y, w, h = cv2.boundingRect(mask)
    scale = max(w, h, 1) / COARSE_PX
    size = max(1, round(w / scale)), max(1, round(h / scale))
    part = mask[y : y + h, x : x + w] * np.uint8(255)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if w and h else part
    held = (np.pad(small, 1) >= 40).astype(np.uint8)
    corner = np.array([x, y]) - scale + (scale - 1) / 2
    return held, scale, corner


def _fronts(mask: U8, seed: NDArray[np.int64]) -> NDArray[np.int32]:
    """When a wave from `seed` (row, column), in the mask, reaches each pixel; -1: never."""
    wave, since = np.zeros_like(mask), np.zeros(mask.shape, np.uint16)
    wave[tuple(seed)] = 1
    number = size = 0
    while (now := cv2.countNonZero(wave)) > size:
        size = now
        cv2.add(since, wave, since, dtype=cv2.CV_16U)  # for how long each pixel has been reached
        number += 1
        # a cross and a square in turn: as round as a wave on a grid can be at no cost
        wave = _grown(wave, mask, CROSS if number % 2 else SQUARE)
        if number % 2 and cv2.countNonZero(wave) == now:  # what is left hangs on by a corner
            wave = _grown(wave, mask, SQUARE)
    return np.where(since > 0, number - since.astype(np.int32), -1).astype(np.int32)


def _grown(wave: U8, mask: U8, shape: U8) -> U8:
    return np.asarray(cv2.bitwise_and(cv2.dilate(wave, shape), mask), np.uint8)


def _farthest(fronts: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.asarray(np.argwhere(fronts == fronts.max())[0])


def _unit(vector: F64) -> F64:
    return np.asarray(vector / max(float(np.hypot(*vector)), 1e-9))
