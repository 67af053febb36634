"""Temperatures and thresholds on scores whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.heads.scores import softmax
from quantize.report import thresholds


def test_temperature_finds_the_one_the_labels_were_drawn_with() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 3, (4000, 6)).astype(np.float32)
    odds = softmax(logits / 2)
    labels = np.array([draw.choice(6, p=p / p.sum()) for p in odds.astype(np.float64)])
    assert 1.8 < thresholds.softmax_temperature(logits, labels) < 2.2


def test_threshold_is_the_smallest_that_is_right_often_enough() -> None:
    scores = np.zeros((100, 3), np.float32)
    scores[:, 0] = np.linspace(0.6, 0.99, 100)
    scores[:, 2] = 0.005
    labels = np.where(np.arange(100) >= 40, 0, 1)  # wrong below the 40th
    limit = thresholds.softmax_threshold(scores, labels)
    given = scores[:, 0] >= limit
    assert (labels[given] == 0).mean() >= thresholds.PRECISION
    looser = scores[:, 0] >= limit - 0.02
    assert (labels[looser] == 0).mean() < thresholds.PRECISION


def test_threshold_counts_a_name_for_nothing_as_an_error() -> None:
    scores = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (50, 1))
    nothing = np.full(50, 2)
    assert thresholds.softmax_threshold(scores, nothing) == thresholds.LIMITS[1]


def test_a_frequent_tag_gets_its_own_threshold_and_a_rare_one_the_common() -> None:
    wanted = np.zeros((60, 3), np.float32)
    wanted[:30, 0] = 0.9
    wanted[:2, 1] = 0.9
    scores = np.full((60, 3), 0.01, np.float32)
    scores[:30, 0] = 0.2
    scores[:2, 1] = 0.8
    own, rare, never = thresholds.tag_thresholds(scores, wanted)
    assert 0.01 < own <= 0.2
    assert rare == never


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 4), st.integers(2, 5))
def test_few_looks_find_the_temperature_that_all_would(seed: int, scale: float, tags: int) -> None:
    """Surprise falls, then rises: looking at 14 temperatures is as good as looking at all."""
    draw = np.random.default_rng(seed)
    logits = (draw.normal(0, scale, (60, tags)) * scale).astype(np.float32)
    wanted = draw.random((60, tags)).astype(np.float32)
    found = thresholds.sigmoid_temperature(logits, wanted)

    def surprise(t: float) -> float:
        z = logits / t
        return float((np.logaddexp(0, z) - wanted * z).mean())

    assert surprise(found) <= min(map(surprise, thresholds.TEMPERATURES)) + 1e-5


def test_the_teacher_may_be_sure_at_a_score_of_its_own() -> None:
    wanted = np.full((40, 2), 0.6, np.float32)
    scores = np.full((40, 2), 0.9, np.float32)
    strict = thresholds.tag_thresholds(scores, wanted, np.array([0.5, 0.7], np.float32))
    assert strict[0] == 0.9  # present everywhere: given everywhere
    assert len(strict) == 2
