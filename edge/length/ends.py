"""Where a body begins and ends along its midline: snout, tail fork, tips of the tail. Pure."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge.length.midline import arc, cuts, evenly
from edge.records import F32, F64

SIDEWAYS = 1.35  # how far to each side, in the greatest half-widths: the tips of a tail spread
ACROSS = 81
FILLED = 5.0  # px along the body: more of a fork's point than that no blur fills
PROFILE = 24  # places along the body at which its width is told
# Widths from snout to tail, of the greatest: mean of the seven species rendered.
FISH = np.array([
    0.26, 0.42, 0.51, 0.58, 0.63, 0.67, 0.73, 0.75, 0.79, 0.78, 0.90, 0.95,
    0.72, 0.65, 0.61, 0.55, 0.65, 0.46, 0.33, 0.27, 0.27, 0.39, 0.44, 0.24,
])  # fmt: skip


class Body(msgspec.Struct, frozen=True, eq=False):
    """A body along its midline, head first. Lengths in px of the mask."""

    line: F64  # (N, 2), about a px apart, longer than the body
    snout: float  # arc length at which it begins
    fork: float  # and at which the fork of its tail lies; the end, where the tail has none
    tips: float  # and at which it ends
    widths: F64  # (PROFILE,) from snout to tips

    def part(self, start: float, end: float) -> F64:
        """The line from one arc length to another, (M, 2)."""
        along = arc(self.line)
        inner = along[(along > start) & (along < end)]
        places = np.concatenate([[start], inner, [end]])
        return np.stack([np.interp(places, along, self.line[:, k]) for k in (0, 1)], 1)


def body(soft: F32, line: F64) -> Body | None:
    """The body that `soft` (H, W; 0..1, a half at its edge) shows along `line`.

    The line must be longer than the body at both ends. None where nothing lies on it.
    """
    length = arc(line)[-1]
    line = evenly(line, max(32, round(length)))
    step = length / (len(line) - 1)
    reach = SIDEWAYS * _half_width(soft)
    strip = _alone(_strip(soft, line, reach))
    if strip is None:
        return None
    pitch = 2 * reach / (ACROSS - 1)
    first, last = _reaches(strip[::-1]), _reaches(strip)
    first = np.where(np.isfinite(first), len(line) - 1 - first, np.inf)
    start, end = float(first.min()), float(last.max())
    widths = _widths(strip, start, end) * pitch
    if is_head_last(widths):
        line, start, end = line[::-1], len(line) - 1 - end, len(line) - 1 - start
        last = np.where(np.isfinite(first), len(line) - 1 - first, -np.inf)[::-1]
        widths = widths[::-1]
    tips = _tips(last)
    return Body(line, start * step, min(_fork(last), tips) * step, tips * step, widths)


def is_head_last(widths: F64) -> bool:
    """A fish is widest towards its head, narrowest before its tail, and its tail spreads again."""
    shares = widths / max(float(widths.max()), 1e-9)
    return bool(((shares - FISH[::-1]) ** 2).sum() < ((shares - FISH) ** 2).sum())


def _half_width(soft: F32) -> float:
    held = (soft >= 0.5).astype(np.uint8)
    return float(cv2.distanceTransform(np.pad(held, 1), cv2.DIST_L2, 3).max()) + 1


def _strip(soft: F32, line: F64, reach: float) -> F32:
    """The picture straightened: (N, ACROSS)."""
    x, y = cuts(line, reach, ACROSS)
    return np.asarray(cv2.remap(soft, x, y, cv2.INTER_LINEAR, borderValue=0), np.float32)


def _alone(strip: F32) -> F32 | None:
    """What hangs together with most of the body; None for an empty strip."""
    held = (strip >= 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(held, connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    kept = cv2.dilate((labels == largest).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(strip * kept, np.float32)


def _reaches(strip: F32) -> F64:
    """For each place across, where the body ends along: (ACROSS,), -inf where it is not."""
    held = strip >= 0.5
    last = len(strip) - 1 - np.argmax(held[::-1], axis=0)
    columns = np.arange(strip.shape[1])
    inner = strip[last, columns].astype(np.float64)
    after = np.minimum(last + 1, len(strip) - 1)
    outer = strip[after, columns].astype(np.float64)
    beyond = np.where(after > last, (inner - 0.5) / np.maximum(inner - outer, 1e-6), 0.0)
    return np.where(held.any(0), last + np.clip(beyond, 0, 1), -np.inf)


def _widths(strip: F32, start: float, end: float) -> F64:
    """Of the body, in steps across, at PROFILE places from start to end."""
    wide = (strip >= 0.5).sum(1).astype(np.float64)
    places = start + (np.arange(PROFILE) + 0.5) / PROFILE * (end - start)
    return np.asarray(np.interp(places, np.arange(len(wide)), wide))


def _tips(reaches: F64) -> float:
    """Where the midline meets the line between the two tips: the hull, as AutoFish measures."""
    there = np.flatnonzero(np.isfinite(reaches))
    off = there - (len(reaches) - 1) / 2
    left, right = off <= 0, off >= 0
    if not (left.any() and right.any()):
        return float(reaches.max())
    a, b = off[left][:, None], off[right][None]
    share = np.where(b > a, -a / np.maximum(b - a, 1e-9), 0.5)
    ends = reaches[there]
    return float((ends[left][:, None] * (1 - share) + ends[right][None] * share).max())


def _fork(reaches: F64) -> float:
    """The deepest place between the two tips; where there are no two, the farthest.

    A blurred picture fills the point of a fork, so it is where the two sides of it would meet.
    """
    there = reaches[np.isfinite(reaches)]
    if len(there) < 5:
        return float(there.max())
    calm = np.convolve(np.pad(there, 1, "edge"), np.ones(3) / 3, "valid")
    middle = len(calm) // 2
    left, right = int(np.argmax(calm[: middle + 1])), middle + int(np.argmax(calm[middle:]))
    between = calm[left : right + 1]
    if len(between) < 3:
        return float(there.max())
    deepest = int(np.argmin(between))
    low = float(between[deepest])
    sides = [_side(between, range(deepest + 1)), _side(between, range(deepest, len(between)))]
    if None in sides:
        return low
    (a, b), (c, d) = sides[0], sides[1]  # type: ignore[misc]
    if not a < -0.1 < 0.1 < c:
        return low
    meet = a * (d - b) / (a - c) + b
    return float(np.clip(meet, low - FILLED, low))


def _side(between: F64, places: range) -> tuple[float, float] | None:
    """Slope and level of the line along one side of a fork; None where it is too short."""
    at = np.array(places)
    low, high = between[at].min(), between[at].max()
    share = (between[at] - low) / max(high - low, 1e-9)
    held = (share > 0.2) & (share < 0.8)
    if held.sum() < 4:
        return None
    slope, level = np.polyfit(at[held], between[at][held], 1)
    return float(slope), float(level)
