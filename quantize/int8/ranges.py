"""What an activation's 256 steps should span, by five methods, from one histogram a tensor.

One pass over the pictures fills a histogram for every tensor; each method reads its range off it.
So a method more costs no pass more, and every engine that takes ranges gets the same five.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.records import F32

BINS = 2048
SAMPLE = 16_384  # values of a tensor and picture that enter the histogram; extremes see them all
TAIL = 1e-4  # of the values, that `percentile` gives up at each end
SHRINKS = np.linspace(1.0, 0.05, 96)  # ranges tried, in shares of the widest
LEVELS = 256
HUGE = 3e38

Range = tuple[float, float]


class Tally:
    """A histogram that grows: bins are a power of two wide and are merged in pairs when it must."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.pictures = 0
        self.lows, self.highs = 0.0, 0.0  # sums over the pictures
        self._width = 0.0
        self._first = 0  # number of the first bin: it starts at _first * _width
        self._counts = np.zeros(BINS, np.int64)

    def add(self, values: F32) -> None:
        """One picture's values of this tensor, of any shape; not finite ones count as huge."""
        flat = values.ravel()
        low, high = float(flat.min()), float(flat.max())
        if not np.isfinite(low + high):
            flat = np.nan_to_num(flat, posinf=HUGE, neginf=-HUGE)
            low, high = float(flat.min()), float(flat.max())
        self.pictures += 1
        self.lows, self.highs = self.lows + low, self.highs + high
        self._cover(min(self.low, low, 0.0), max(self.high, high, 0.0))
        self.low, self.high = min(self.low, low), max(self.high, high)
        numbers = np.floor(flat[:: max(1, flat.size // SAMPLE)] / self._width).astype(np.int64)
        self._counts += np.bincount(numbers - self._first, minlength=BINS)[:BINS]

    def _cover(self, low: float, high: float) -> None:
        if not self._width:
            self._width = 2.0 ** np.ceil(np.log2(max(high - low, 1e-30) / (BINS // 2)))
            self._first = int(np.floor(low / self._width))
        while True:
            first, last = int(np.floor(low / self._width)), int(np.floor(high / self._width))
            first = min(first, self._first)
            if last - first < BINS:
                break
            self._merge()
        self._counts = np.roll(self._counts, self._first - first)  # what wraps around is empty
        self._first = first

    def _merge(self) -> None:
        start = self._first // 2
        numbers = (np.arange(BINS) + self._first) // 2 - start
        self._counts = np.bincount(numbers, self._counts, BINS).astype(np.int64)
        self._width, self._first = self._width * 2, start

    def bins(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Middles of the bins that hold something, and how much."""
        held = np.flatnonzero(self._counts)
        middles = (held + self._first + 0.5) * self._width
        return np.clip(middles, self.low, self.high), self._counts[held]


def observe(
    pictures: Iterable[Mapping[str, F32]],
) -> dict[str, Tally]:
    """pictures: for each one tensor name -> its values."""
    found: dict[str, Tally] = {}
    for tensors in pictures:
        for name, values in tensors.items():
            if values.size:
                found.setdefault(name, Tally()).add(values)
    return found


def widest(seen: Tally) -> Range:
    """Everything that was seen."""
    return seen.low, seen.high


def mean(seen: Tally) -> Range:
    """The mean of the pictures' extremes: what a moving average comes to."""
    return seen.lows / seen.pictures, seen.highs / seen.pictures


def percentile(seen: Tally) -> Range:
    """All but TAIL of the values at each end."""
    middles, counts = seen.bins()
    share = np.cumsum(counts) / counts.sum()
    low = float(middles[np.searchsorted(share, TAIL)])
    high = float(middles[min(int(np.searchsorted(share, 1 - TAIL)), middles.size - 1)])
    return max(low, seen.low), min(high, seen.high)


def squared(seen: Tally) -> Range:
    """The range with the least mean squared error of clipping and rounding together."""
    middles, counts = seen.bins()

    def error(low: float, high: float) -> float:
        cut = np.clip(middles, low, high) - middles
        inside = counts[cut == 0].sum()
        return float(counts @ np.square(cut) + inside * np.square((high - low) / LEVELS) / 12)

    return _least(seen, error)


def entropy(seen: Tally) -> Range:
    """The range that keeps the distribution best, by Kullback-Leibler divergence.

    Migacz 2017, "8-bit inference with TensorRT": what is cut off counts at the ends, every step
    spreads its count evenly over the bins of it that hold something. Zeros, which every range holds
    exactly, are left out.
    """
    middles, counts = seen.bins()
    zero = int(np.abs(middles).argmin())
    if middles.size > 2:
        counts[zero] = 0

    def divergence(low: float, high: float) -> float:
        kept = np.clip(middles, low, high)
        steps = np.floor((kept - low) / max(high - low, 1e-30) * (LEVELS - 1)).astype(np.int64)
        inside = kept == middles
        ends = np.bincount(steps, counts * ~inside, LEVELS)  # added to the last bin of each end
        exact = counts * inside
        per_step = np.bincount(steps, exact, LEVELS)
        bins = np.maximum(np.bincount(steps, inside, LEVELS), 1)
        rough = (per_step / bins)[steps] * inside
        first, last = np.flatnonzero(inside)[[0, -1]] if inside.any() else (0, 0)
        p = exact.astype(np.float64)
        p[first] += ends[: LEVELS // 2].sum()
        p[last] += ends[LEVELS // 2 :].sum()
        p, q = p / p.sum(), rough / max(rough.sum(), 1e-30)
        held = p > 0
        return float(p[held] @ np.log(p[held] / np.maximum(q[held], 1e-9)))

    return _least(seen, divergence)


def _least(seen: Tally, error: Callable[[float, float], float]) -> Range:
    """The best of the ranges that shrink both ends alike, then each end alone."""
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    both = min(SHRINKS, key=lambda s: error(low * s, high * s))
    up = min(SHRINKS, key=lambda s: error(low * both, high * s))
    down = min(SHRINKS, key=lambda s: error(low * s, high * up)) if low < 0 else both
    return float(low * down), float(high * up)


METHODS: dict[str, Callable[[Tally], Range]] = {
    "widest": widest,
    "mean": mean,
    "percentile": percentile,
    "squared": squared,
    "entropy": entropy,
}


def spans(seen: Mapping[str, Tally], method: str, whole: Iterable[str] = ()) -> dict[str, Range]:
    """Tensor -> range by `method`, zero always inside; the widest for the tensors `whole`.

    A cut through the logits would make ties among the best tags: they are to be among `whole`.
    """
    full = set(whole)
    found = {}
    for name, tally in seen.items():
        low, high = widest(tally) if name in full else METHODS[method](tally)
        found[name] = min(low, 0.0), max(high, 0.0)
    return found
