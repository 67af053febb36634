"""S5, S9: pixels to mm: scale alone, or lens and plane; frames of another size."""

from __future__ import annotations

import numpy as np
import pytest

from calib_data.boards import Camera, pose
from edge.errors import ConfigError
from edge.length.plane import CameraPlane, FlatPlane, length_mm, rows_of
from edge.length.plane import Plane as PlaneLike

CAMERA = Camera((1640, 1232), 1900.0)
POSE = pose((8.0, -5.0), 12.0, (-60, -40), 700.0)
GRID = np.mgrid[-8:9, -6:7].T.reshape(-1, 2) * 15.0  # mm


def plane() -> CameraPlane:
    """What a perfect calibration of CAMERA would give."""
    import cv2

    turn = cv2.Rodrigues(POSE.turn)[0]
    to_plane = np.linalg.inv(CAMERA.matrix @ np.stack([turn[:, 0], turn[:, 1], POSE.move], 1))
    (fx, _, cx), (_, fy, cy), _ = rows_of(CAMERA.matrix)
    return CameraPlane(*CAMERA.size, (fx, fy), (cx, cy), CAMERA.lens, rows_of(to_plane))


def test_s5_a_pixel_is_undistorted_and_taken_to_the_plane() -> None:
    seen = CAMERA.to_px(GRID, POSE)
    assert np.abs(plane().to_mm(seen) - GRID).max() < 1e-3


def test_s9_a_length_is_in_mm_of_the_plane() -> None:
    line = np.stack([np.linspace(-100, 100, 60), np.linspace(-20, 60, 60)], 1)
    true = np.hypot(200, 80)
    assert length_mm(CAMERA.to_px(line, POSE), plane()) == pytest.approx(true, rel=1e-5)
    assert length_mm(np.array([[0.0, 0], [300, 400]]), FlatPlane(0.5)) == pytest.approx(250)


@pytest.mark.parametrize("by", [0.5, 2.0, 0.3])
def test_s5_the_same_camera_at_another_size(by: float) -> None:
    """Frames a camera shrinks by itself show the same plane."""
    width, height = (round(side * by) for side in CAMERA.size)
    seen = (CAMERA.to_px(GRID, POSE) + 0.5) * [width / 1640, height / 1232] - 0.5
    assert np.abs(plane().for_size(width, height, (9, 9)).to_mm(seen) - GRID).max() < 0.01


def test_s5_a_frame_of_another_shape_is_refused() -> None:
    with pytest.raises(ConfigError, match="1640 x 1232 px, frame is 1920 x 1080 px"):
        plane().for_size(1920, 1080, (1920, 1080))


def test_a_scale_is_for_any_frame() -> None:
    flat: PlaneLike = FlatPlane(0.4)
    assert flat.for_size(7, 9, (7, 9)) == flat


def test_a_scale_is_for_the_frames_that_came_first() -> None:
    """A camera that comes back with half the pixels shows no shorter fish."""
    assert FlatPlane(0.4).for_size(640, 360, (1280, 720)) == FlatPlane(0.8)
    with pytest.raises(ConfigError, match="first frame was of 1280 x 720 px, frame is 640 x 480"):
        FlatPlane(0.4).for_size(640, 480, (1280, 720))


def test_no_points_are_no_points() -> None:
    assert plane().to_mm(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("scale", [0.0, -1.1, float("nan"), float("inf")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="mm_per_px is"):
        FlatPlane(scale)
