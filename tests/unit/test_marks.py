"""Made-up brand marks: the same again from a seed, all of a usable size, ink that stands out."""

from __future__ import annotations

import numpy as np
import pytest

from calib_data.marks import mark


def test_the_same_seed_gives_the_same_mark_and_another_seed_another():
    assert np.array_equal(mark(3), mark(3))
    assert len({mark(seed).tobytes() for seed in range(40)}) == 40


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_mark_has_a_size_to_paste_and_ink_to_see(seed):
    rgb = mark(seed)
    height, width = rgb.shape[:2]
    assert rgb.dtype == np.uint8
    assert 40 <= min(height, width) <= max(height, width) <= 480
    light = rgb.astype(float) @ (0.3, 0.59, 0.11)
    assert light.std() > 8
    assert np.ptp(light) > 60
