"""Ranges of activations, from histograms."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.records import F32  # noqa: E402
from quantize.int8 import ranges  # noqa: E402
from quantize.int8.ranges import METHODS, Tally, observe, spans  # noqa: E402


def tally(*pictures: F32) -> Tally:
    seen = Tally()
    for values in pictures:
        seen.add(np.asarray(values, np.float32))
    return seen


def noise_of(values: F32, low: float, high: float) -> float:
    """Mean squared error of 256 steps between the ends."""
    step = (high - low) / 255
    rounded = np.clip(np.round((values - low) / step), 0, 255) * step + low
    return float(np.square(rounded - values).mean())


def test_a_growing_histogram_keeps_every_count_and_where_it_was() -> None:
    draw = np.random.default_rng(0)
    parts = [draw.normal(0, scale, 500).astype(np.float32) for scale in (0.01, 1, 300)]
    seen = tally(*parts)
    everything = np.concatenate(parts)
    middles, counts = seen.bins()
    assert counts.sum() == everything.size
    width = np.diff(middles).min()
    assert np.log2(width) == round(np.log2(width))
    for edge in (-200, -1, 0, 5, 250):
        below = int(counts[middles < edge].sum())
        near = int(((everything > edge - width) & (everything < edge + width)).sum())
        assert abs(below - int((everything < edge).sum())) <= near
    assert (seen.low, seen.high) == (everything.min(), everything.max())


def test_widest_and_mean_are_exact() -> None:
    seen = tally([-1.0, 4.0], [-3.0, 2.0])
    assert METHODS["widest"](seen) == (-3.0, 4.0)
    assert METHODS["mean"](seen) == (-2.0, 3.0)


def test_percentile_gives_up_the_tails_alone() -> None:
    values = np.linspace(0, 1, 16_000, dtype=np.float32)
    values[-1] = 1000
    low, high = METHODS["percentile"](tally(values))
    assert low == pytest.approx(0, abs=0.6)
    assert high < 2  # a bin is a thousandth of the widest range


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_an_outlier_costs_less_than_with_the_widest_range(method: str) -> None:
    values = np.random.default_rng(1).exponential(1, 16_000).astype(np.float32)
    values[7] = 200
    low, high = METHODS[method](tally(values))
    most = values[values < 200]
    assert high < 150
    assert noise_of(most, min(low, 0), high) < noise_of(most, 0, 200)


def test_squared_is_near_the_best_there_is() -> None:
    values = np.random.default_rng(2).laplace(0, 1, 16_000).astype(np.float32)
    low, high = METHODS["squared"](tally(values))
    grid = np.linspace(1, float(np.abs(values).max()), 200)
    best = min(noise_of(values, -end, end) for end in grid)
    assert noise_of(values, low, high) < 1.1 * best


@pytest.mark.parametrize("method", METHODS)
def test_a_dead_or_a_constant_tensor_gives_a_range(method: str) -> None:
    for value in (0.0, 3.0, -2.0):
        low, high = spans({"t": tally(np.full(9, value))}, method)["t"]
        assert low <= 0 <= high
        assert np.isfinite([low, high]).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_number_does_not_break_it(method: str) -> None:
    low, high = spans({"t": tally([1.0, np.inf, np.nan], [0.5, 2.0])}, method)["t"]
    assert np.isfinite([low, high]).all()


def test_zero_is_always_inside_and_logits_are_never_cut() -> None:
    logits = np.random.default_rng(3).normal(5, 1, 5000).astype(np.float32)
    logits[7] = 60
    seen = observe([{"inner": logits, "logits": logits}])
    found = spans(seen, "percentile", whole=["logits"])
    assert found["logits"] == (0.0, 60.0)
    assert found["inner"][0] == 0.0


def test_large_tensors_are_sampled_but_their_extremes_are_seen() -> None:
    values = np.zeros(20 * ranges.SAMPLE, np.float32)
    values[1] = 9
    seen = tally(values)
    assert seen.high == 9
    assert seen.bins()[1].sum() <= 2 * ranges.SAMPLE
