"""Which pixels are the piece, by colour: those of the piece against those around it."""

from __future__ import annotations

import cv2
import numpy as np

from edge.pictures.lab import to_lab
from edge.records import F32, U8, NDArray

MOST_STEP = 40.0  # of colour, across three pixels: more says no more
ODDS = (0.85, 0.65, 0.5, 0.35)  # of being the piece, at which its edge may lie
SURE = 0.03  # how sure an outline may be, at most: against clear colours that is not enough
BINS = (20, 24, 24)  # of L, a, b
LAB_FROM, LAB_STEP = np.array([0.0, -60.0, -60.0]), np.array([5.0, 5.0, 5.0])


def by_colour(
    view: U8,
    is_piece: NDArray[np.bool_],
    is_any: NDArray[np.bool_],
    is_nothing: NDArray[np.bool_],
    prior: F32 | None = None,
) -> F32 | None:
    """How much of each pixel is the piece: by its colours against those around it. (h, w)

    prior  what an outline says of each pixel: colours add to it, as far as they tell at all
    """
    reach = max(2, round(0.012 * max(view.shape[:2])))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inner = cv2.erode(is_piece.astype(np.uint8), disc) > 0
    outer = cv2.dilate(is_any.astype(np.uint8), disc) == 0
    outer &= ~is_nothing
    if inner.sum() < 20:
        inner = is_piece
    if inner.sum() < 20 or outer.sum() < 20:
        return is_piece.astype(np.float32) if is_piece.any() else None
    calm = np.asarray(cv2.GaussianBlur(view, (0, 0), 0.7), np.uint8)
    lab = to_lab(calm)
    odds = _odds(lab, inner, outer)
    if prior is not None:
        odds = _joint(odds, prior, float(odds[inner].mean() - odds[outer].mean()))
    grown = cv2.dilate(is_piece.astype(np.uint8), disc, iterations=3) > 0
    others = cv2.dilate((is_any & ~is_piece).astype(np.uint8), disc) > 0
    odds[~grown | is_nothing | (others & ~is_piece)] = 0
    odds[inner] = np.maximum(odds[inner], 0.6)
    even = np.asarray(cv2.GaussianBlur(odds, (0, 0), 1.0), np.float32)
    return _sharpest(even, is_piece, steps(lab))


def _sharpest(odds: F32, is_piece: NDArray[np.bool_], changes: F32) -> F32 | None:
    """The piece at the odds at which its outline lies on the greatest steps of colour: where a
    shadow has its fish's colours, it still has no edge.
    """
    found: list[tuple[float, int, F32]] = []
    for least in ODDS:
        soft = _whole(np.clip(odds + (0.5 - least), 0, 1), is_piece)
        if soft is not None:
            mask = (soft >= 0.5).astype(np.uint8)
            edge = (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)
            step = step_along(edge, changes)
            found.append((step * float(mask.sum()) ** 0.5, len(found), soft))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _joint(odds: F32, prior: F32, apart: float) -> F32:
    """Both together, in log-odds.

    apart  how much more likely the inside is than the outside, by colour, -1..1: where a ground has
           the fish's colours, they tell nothing
    """
    first, second = (np.clip(p, rim, 1 - rim) for p, rim in ((odds, 0.001), (prior, SURE)))
    weight = max(0.0, apart) ** 2
    logit = weight * np.log(first / (1 - first)) + np.log(second / (1 - second))
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def _odds(lab: F32, inner: NDArray[np.bool_], outer: NDArray[np.bool_]) -> F32:
    """0..1: of each pixel's colour, how much more common it is inside than outside."""
    index = np.clip((lab - LAB_FROM) / LAB_STEP, 0, np.array(BINS) - 1).astype(np.int32)
    flat = (index[..., 0] * BINS[1] + index[..., 1]) * BINS[2] + index[..., 2]
    own, other = (_smoothed(np.bincount(flat[held], minlength=int(np.prod(BINS))))
                  for held in (inner, outer))  # fmt: skip
    return np.asarray((own / (own + other))[flat], np.float32)


def _smoothed(counts: NDArray[np.int64]) -> F32:
    """A histogram of colours, each spread over its neighbours; sums to 1, nothing is 0."""
    cube: F32 = counts.astype(np.float32)
    for first, second, third in (BINS, (*BINS[1:], BINS[0]), (BINS[2], *BINS[:2])):
        flat = np.ascontiguousarray(cube.reshape(first, second * third))
        spread = cv2.GaussianBlur(flat, (1, 5), 0, sigmaY=0.8).reshape(first, second, third)
        cube = np.asarray(np.moveaxis(spread, 0, 2), np.float32)  # the next axis comes first
    whole = cube.ravel()
    return np.asarray(whole / whole.sum() + 1e-7, np.float32)


def _whole(soft: F32, is_piece: NDArray[np.bool_]) -> F32 | None:
    """The piece in one, its holes filled."""
    held = (soft >= 0.5).astype(np.uint8)
    opened = cv2.morphologyEx(held, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(opened, connectivity=4)
    if count < 2:
        return None
    sizes = np.bincount(labels[is_piece], minlength=count)
    sizes[0] = 0
    solid = filled((labels == int(np.argmax(sizes))).astype(np.uint8))
    edge = cv2.dilate(solid, np.ones((3, 3), np.uint8))
    inside = cv2.erode(solid, np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.where(inside, np.maximum(soft, 0.75), soft * edge), np.float32)


def steps(lab: F32) -> F32:
    """How much the colour changes at each pixel, (H, W)."""
    square = np.ones((3, 3), np.uint8)
    first, second, third = cv2.split(cv2.morphologyEx(lab, cv2.MORPH_GRADIENT, square))
    return np.asarray(cv2.max(cv2.max(first, second), third), np.float32)


def filled(held: U8) -> U8:
    """Every hole that does not reach the rim is filled."""
    outlines, _ = cv2.findContours(held, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(held), outlines, -1, 1, -1), np.uint8)


def step_along(edge: NDArray[np.bool_], changes: F32) -> float:
    """How much the colour changes along an edge, on average."""
    return float(np.sqrt(np.minimum(changes[edge], MOST_STEP)).mean()) if edge.any() else 0.0
