"""Two ways to CIELAB: both right, and alike enough to be taken for one another."""

from __future__ import annotations

import numpy as np
import pytest

from edge.pictures.lab import to_lab, to_lab_by_hand


@pytest.mark.parametrize("way", [to_lab, to_lab_by_hand])
def test_known_colours(way):
    """CIE: white is 100, 0, 0; sRGB red is 53.2, 80.1, 67.2."""
    lab = way(np.array([[[255, 255, 255], [255, 0, 0], [0, 0, 0]]], np.uint8))[0]
    known = [[100, 0, 0], [53.2, 80.1, 67.2], [0, 0, 0]]
    assert np.abs(lab - known).max() < 0.2


def test_both_ways_agree_to_half_a_unit():
    levels = np.arange(0, 256, 15, np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    assert np.abs(to_lab(rgb) - to_lab_by_hand(rgb)).max() < 0.5
