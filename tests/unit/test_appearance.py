"""Does it look different from when it was last looked at?"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.memory.appearance import LOOKS, SIDE, is_changed, is_new, patch, with_new
from edge.records import Planes

BOX = (20, 10, 84, 74)


def face(seed: int, detail: int = 8):
    """(100, 120, 3): a pattern of `detail` x `detail` spots."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (detail, detail), np.uint8)
    grey = cv2.resize(spots, (120, 100), interpolation=cv2.INTER_CUBIC)
    return np.dstack([grey] * 3)


def test_the_same_thing_in_other_light_and_noise_looks_the_same():
    before = face(0)
    noise = np.random.default_rng(1).normal(10, 3, before.shape)
    now = np.clip(before * 0.7 + noise, 0, 255).astype(np.uint8)
    assert not is_changed(patch(before, BOX), patch(now, BOX))


@pytest.mark.parametrize("box", [(28, 4, 92, 68), (12, 10, 76, 74), (16, 6, 88, 78)])
def test_a_box_some_px_off_looks_the_same(box):
    """An eighth of its side: boxes come from a coarse map."""
    assert not is_changed(patch(face(0), BOX), patch(face(0), box))


def test_what_shows_nothing_is_like_what_shows_nothing():
    empty = np.full((100, 120, 3), 90, np.uint8)
    noisy = empty + np.random.default_rng(0).integers(0, 6, empty.shape, np.uint8)
    assert not is_changed(patch(empty, BOX), patch(noisy, BOX))
    assert is_changed(patch(face(0), BOX), patch(noisy, BOX))
    assert is_changed(patch(noisy, BOX), patch(face(0), BOX))


@pytest.mark.parametrize("seed", range(1, 6))
def test_another_thing_looks_different(seed):
    assert is_changed(patch(face(0), BOX), patch(face(seed), BOX))


def test_a_sharper_one_shows_more():
    sharp = face(0, detail=40)
    soft = cv2.GaussianBlur(sharp, (0, 0), 3)
    assert is_changed(patch(soft, BOX), patch(sharp, BOX))
    assert not is_changed(patch(sharp, BOX), patch(soft, BOX))


def test_planes_and_rgb_look_alike():
    grey = face(0)[:, :, 0]
    chroma = np.full((50, 60), 128, np.uint8)
    assert not is_changed(patch(Planes(grey, (chroma, chroma)), BOX), patch(face(0), BOX))


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (5, 5, 6, 40), (0, 0, 120, 100)])
def test_a_patch_of_any_box_has_one_size_and_no_nan(box):
    for picture in (face(0), np.zeros((100, 120, 3), np.uint8)):
        found = patch(picture, box)
        assert found.shape == (SIDE * SIDE + 1,)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("scale", [0.6, 0.8, 1.2])
def test_the_same_thing_nearer_or_farther_looks_the_same(scale):
    x0, y0, x1, y1 = BOX
    now = cv2.resize(face(0), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = (round(x0 * scale), round(y0 * scale), round(x1 * scale), round(y1 * scale))
    assert not is_changed(patch(face(0), BOX), patch(now, box))


def test_a_thing_is_known_by_some_looks_the_last_ones_that_were_new():
    faces = [patch(face(seed), BOX) for seed in (0, 1, 3, 5, 6)]
    known: tuple = ()
    for look in (*faces[:2], faces[0], faces[1]):
        known = with_new(known, look)
    assert len(known) == 2
    assert not is_new(known, faces[0])
    for look in faces[2:]:
        known = with_new(known, look)
    assert len(known) == LOOKS
    assert is_new(known, faces[0])
