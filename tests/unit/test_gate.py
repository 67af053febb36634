"""What moved, and what only seems to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.glance.gate import Gate, binned, moved, step_px, tight

ROWS = COLUMNS = 24


@pytest.fixture
def scene():
    """(135, 240): a 4K frame's samples."""
    return np.random.default_rng(0).integers(30, 220, (135, 240)).astype(np.uint8)


def noisy(scene, seed, deviation=2.0, light=0.0):
    noise = np.random.default_rng(seed).normal(light, deviation, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


def watched(frames):
    """The motion of each frame."""
    gate, found = Gate(), []
    for frame in frames:
        gate, motion = moved(gate, frame, ROWS, COLUMNS)
        found.append(motion)
    return found


def test_the_first_frame_has_not_moved(scene):
    _, motion = moved(Gate(), scene, ROWS, COLUMNS)
    assert (motion.shape, motion.any()) == ((ROWS, COLUMNS), False)


def test_a_frame_of_another_size_has_not_moved(scene):
    gate, _ = moved(Gate(), scene, ROWS, COLUMNS)
    gate, motion = moved(gate, scene[:100], ROWS, COLUMNS)
    assert not motion.any()
    assert gate.luma is not None
    assert gate.luma.shape == (100, 240)


@pytest.mark.parametrize("deviation", [0.0, 1.0, 3.0])
def test_noise_is_no_motion(scene, deviation):
    frames = [noisy(scene, n, deviation) for n in range(30)]
    wrong = [(motion > 0).mean() for motion in watched(frames)[15:]]
    assert max(wrong) <= 0.002


def test_light_that_changes_everywhere_is_no_motion(scene):
    frames = [noisy(scene, n, 1.0, light=12.0 * (n % 2)) for n in range(20)]
    assert max((motion > 0).mean() for motion in watched(frames)[1:]) <= 0.002


def test_what_moves_is_found_where_it_was_and_where_it_is(scene):
    frames = [noisy(scene, n, 1.5) for n in range(12)]
    frames[10][40:46, 100:106] = 255 - frames[10][40:46, 100:106]
    motion = watched(frames)
    rows, columns = np.nonzero(motion[10])
    assert set(rows) <= {7, 8}
    assert set(columns) <= {9, 10}
    assert motion[10].max() == 1.0
    assert motion[11].max() == 1.0  # it is gone again
    assert not motion[9].any()


def test_one_sample_alone_is_chance(scene):
    frames = [scene, scene.copy()]
    frames[1][3, 3] ^= 128
    assert not watched(frames)[1].any()


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (1920, 1080), (640, 480), (320, 240)])
def test_there_are_samples_in_every_cell(width, height):
    step = step_px(width, height, ROWS, COLUMNS)
    assert 1 <= step <= 16
    assert min(width // step // COLUMNS, height // step // ROWS) >= 3


def test_the_smallest_frame_has_a_step_too():
    assert step_px(1, 1, ROWS, COLUMNS) == 1


def test_fewer_samples_than_cells_count_where_they_lie():
    mask = np.zeros((4, 6), bool)
    mask[1, 2] = True
    found = binned(mask, 8, 12)
    assert found.shape == (8, 12)
    assert found[2:4, 4:6].all()
    assert found.sum() == 4


def test_every_sample_is_counted_once():
    mask = np.random.default_rng(0).random((135, 240)) < 0.3
    assert binned(mask, ROWS, COLUMNS).sum() == mask.sum()


@pytest.mark.parametrize("deviation", [0.8, 1.5, 2.0, 3.3])
def test_noise_is_known_after_two_frames_to_a_fraction_of_a_level(deviation):
    """Pixels are whole numbers: half a level of a median is a quarter of a camera's noise."""
    gate = Gate()
    for n in range(2):
        grey = np.random.default_rng(n).normal(120, deviation, (135, 240)).round()
        gate, _ = moved(gate, grey.astype(np.uint8), ROWS, COLUMNS)
    rounded = deviation**2 + 1 / 12
    assert gate.noise == pytest.approx((2 * rounded) ** 0.5, rel=0.1)


def test_another_scene_at_once_is_not_taken_for_noise(scene):
    gate, _ = moved(Gate(), scene, ROWS, COLUMNS)
    gate, motion = moved(gate, 255 - scene, ROWS, COLUMNS)
    assert (motion > 0).mean() > 0.9


@given(st.data())
def test_what_moved_within_a_box_is_a_box_within_it(data: st.DataObject) -> None:
    """Samples lie across the box's edges, too."""
    width, height = data.draw(st.integers(8, 90)), data.draw(st.integers(8, 90))
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    shape = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 24))
    seed = data.draw(st.integers(0, 99))
    changed = np.random.default_rng(seed).random(shape) < 0.2
    found = tight(Gate(changed=changed), box, width, height)
    assert box[0] <= found[0] < found[2] <= box[2]
    assert box[1] <= found[1] < found[3] <= box[3]
