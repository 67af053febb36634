"""Temperatures and thresholds on scores whose truth is known."""

from __future__ import annotations

import numpy as np

from edge.heads import softmax
from quantize import thresholds


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
