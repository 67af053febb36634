"""What lies behind the fish: a belt, a table, water. Its colour over the frame, and how it varies.

Its colour as a surface over the frame (light is uneven), fitted again and again with less trust in
what differs. Where to begin is a guess: with what most of the frame is, or with its rim. Both are
made, and who looks for fish decides. Colours are CIELAB.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge.records import F32, F64, U8, NDArray

SEEN_PX = 6000  # pixels that the surface is fitted to
CLUSTERS = 5
RIM = 0.06  # of the frame's sides
RIM_COUNTS = 1.5  # how much more being at the rim tells than being large
START = 14.0  # how far from its cluster's colour a pixel may lie to begin with
ROUNDS = 6
FLOOR = np.array([1.0, 0.7, 0.7])  # least deviation of L, a, b: noise of a good camera
SETTLES = 3  # times that the ground near each pixel is looked at
TRUSTS = 3.0  # deviations at which a pixel is half believed to be ground
COARSE_PX, ABOUT = 96, 0.07  # of the frame on which that is done; how far about, of its longer side
DARKER = 0.6  # how much of being darker counts: a shadow is no fish
PADDED = 8  # 0..255: darker than this, from the rim on, is nothing: a turned picture's corners


class Ground(msgspec.Struct, frozen=True, eq=False):
    """The ground of a frame."""

    level: F32  # (H, W, 3) its colour at each pixel
    spread: F64  # (3,) its deviation

    def differs(self, lab: F32) -> F32:
        """How many deviations each pixel is off, (H, W)."""
        return _far(lab - self.level, self.spread)


def _far(off: F32, spread: F64) -> F32:
    """(H, W, 3) -> (H, W), a shadow counted as less than it is."""
    scaled = [plane / np.float32(one) for plane, one in zip(cv2.split(off), spread)]
    scaled[0][scaled[0] < 0] *= np.float32(DARKER)
    squares = [plane * plane for plane in scaled]
    return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]), np.float32)


def padding(rgb: U8) -> NDArray[np.bool_]:
    """Where the picture is nothing: black, from its rim on. (H, W)"""
    red, green, blue = cv2.split(rgb)
    black = (cv2.max(cv2.max(red, green), blue) <= PADDED).astype(np.uint8)
    count, labels = cv2.connectedComponents(cv2.erode(black, np.ones((3, 3), np.uint8)))
    if count < 2:
        return np.zeros(black.shape, bool)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    held = np.isin(labels, np.setdiff1d(rim, [0])).astype(np.uint8)
    grown = cv2.dilate(held, np.ones((7, 7), np.uint8)) > 0
    is_dark_ground = grown.mean() > 0.6
    return np.zeros(black.shape, bool) if is_dark_ground else np.asarray(grown)


def grounds_of(lab: F32, is_nothing: NDArray[np.bool_]) -> tuple[Ground, ...]:
    """What the ground of a small frame (H, W, 3) may be; padding is left out."""
    height, width = lab.shape[:2]
    rows, columns = np.nonzero(~is_nothing)
    every = max(1, len(rows) // SEEN_PX)
    rows, columns = rows[::every], columns[::every]
    colours = lab[rows, columns].astype(np.float64)
    x, y = (columns + 0.5) / width * 2 - 1, (rows + 0.5) / height * 2 - 1
    at_rim = np.maximum(abs(x), abs(y)) > 1 - 2 * RIM
    powers = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    by_rim = at_rim if at_rim.sum() >= 50 else np.ones_like(at_rim)
    surfaces = (
        _fitted(powers, colours, _start(colours, at_rim), 6),
        _fitted(powers[by_rim], colours[by_rim], np.ones(int(by_rim.sum()), bool), 3),
    )
    settled = tuple(_settled(lab, is_nothing, *surface) for surface in surfaces)
    rim, spread = surfaces[1]  # as it is: where a fish fills the frame, what lies near is fish
    return (*settled, Ground(_level(rim, *lab.shape[:2]), spread))


def _settled(lab: F32, is_nothing: NDArray[np.bool_], surface: F64, spread: F64) -> Ground:
    """The ground near each pixel: what lies about it, where that is ground; else the surface.

    No polynomial knows where a camera's white ends, or a lamp's edge.
    """
    far_level = _level(surface, *lab.shape[:2])
    level = far_level
    for _ in range(SETTLES):
        far = _far(lab - level, spread)
        square = (far / TRUSTS) ** 2
        square *= square
        square += 1
        weights = np.asarray(1 / square, np.float32)
        weights[is_nothing] = 0
        level = _near(lab, weights, far_level)
        held = np.flatnonzero(weights > 0.5)
        if len(held) > 50:
            off = np.abs((lab - level).reshape(-1, 3)[held]).T.astype(np.float64, order="C")
            spread = np.maximum(1.4826 * np.median(off, axis=1), FLOOR)
    return Ground(level, spread)


def _level(surface: F64, height: int, width: int) -> F32:
    """A surface at every pixel."""
    x = ((np.arange(width) + 0.5) / width * 2 - 1)[None, :, None]
    y = ((np.arange(height) + 0.5) / height * 2 - 1)[:, None, None]
    one, right, down, bow, twist, sag = surface
    told = right + bow * x + twist * y
    told *= x
    told += one
    told += y * (down + sag * y)
    return np.asarray(told, np.float32)


def _near(lab: F32, weights: F32, far_level: F32) -> F32:
    """Means of what lies about each pixel, by weight; `far_level` where there is hardly any."""
    height, width = weights.shape
    size = (
        max(4, width * COARSE_PX // max(height, width)),
        max(4, height * COARSE_PX // max(height, width)),
    )
    held, own = (cv2.resize(x, size, interpolation=cv2.INTER_AREA)
                 for x in ((lab - far_level) * weights[..., None], weights))  # fmt: skip
    total, count = (cv2.GaussianBlur(x, (0, 0), ABOUT * COARSE_PX) for x in (held, own))
    off = total / (count + 0.05)[..., None]
    return far_level + np.asarray(cv2.resize(off, (width, height)), np.float32)


def _start(colours: F64, at_rim: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the cluster that is largest and most at the rim."""
    order = np.argsort(colours[:, 0], kind="stable")
    labels = np.empty((len(colours), 1), np.int32)
    labels[order, 0] = np.arange(len(colours)) * CLUSTERS // len(colours)
    rules = (cv2.TERM_CRITERIA_MAX_ITER | cv2.TERM_CRITERIA_EPS, 12, 0.5)
    flags = cv2.KMEANS_USE_INITIAL_LABELS
    _, _, middles = cv2.kmeans(colours.astype(np.float32), CLUSTERS, labels, rules, 1, flags)
    near = np.linalg.norm(colours[:, None] - np.asarray(middles, np.float64), axis=2) < START
    share = near.mean(0) + RIM_COUNTS * (near[at_rim].mean(0) if at_rim.any() else 0)
    return np.asarray(near[:, int(np.argmax(share))])


def _fitted(powers: F64, colours: F64, started: NDArray[np.bool_], most: int) -> tuple[F64, F64]:
    """A surface (6, 3) over the powers of x and y, each -1..1, and its spread: a level first, then
    a slope, then, where `most` terms allow, a bow.
    """
    weights = started.astype(np.float64) + 1e-6
    surface, spread = np.zeros((6, 3)), FLOOR
    for step in range(ROUNDS):
        terms = min(most, (1, 3, 6)[min(step // 2, 2)])
        root = np.sqrt(weights)[:, None]
        few, *_ = np.linalg.lstsq(powers[:, :terms] * root, colours * root, rcond=1e-6)
        surface = np.zeros((6, 3))
        surface[:terms] = few
        off = colours - powers @ surface
        held = weights > 0.3
        spread = np.maximum(1.4826 * np.median(abs(off[held]), axis=0), FLOOR)
        far = np.sqrt(((off / spread) ** 2).sum(1))
        weights = 1 / (1 + (far / 3) ** 4)
    return surface, spread
