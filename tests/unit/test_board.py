"""S5: checkerboards -> a plane whose error is far below half a millimetre; bad sets are refused."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from msgspec.structs import replace

from calib_data.boards import PATTERN, SQUARE_MM, Camera, Pose, board, pose, poses
from edge.errors import EdgeError, SourceError, UsageError
from edge.length.board import Board, find, fit, is_new, other_pattern
from edge.length.board_picture import draw_corners, scale_range
from edge.length.calibrating import CalibrationSettings, find_boards
from edge.length.plane_file import plane_of
from edge.records import U8, Frame

CAMERA = Camera((820, 616), 950.0)
GRID = np.mgrid[:9, :6].T.reshape(-1, 2) * SQUARE_MM


def seen(poses_of: list[Pose], noise_px: float = 0.0, seed: int = 0) -> list[Board]:
    """Corners where the camera has them, and noise."""
    rng = np.random.default_rng(seed)
    found = [CAMERA.to_px(GRID, p) for p in poses_of]
    return [Board(f"{n}.png", c + rng.normal(0, noise_px, c.shape), CAMERA.size)
            for n, c in enumerate(found)]  # fmt: skip


@lru_cache
def rendered() -> tuple[U8, ...]:
    rng = np.random.default_rng(1)
    return tuple(board(rng, CAMERA, p) for p in poses(rng, 3, 700.0))


POSES = poses(np.random.default_rng(4), 14, 700.0)


def off_mm(boards: list[Board]) -> float:
    """Greatest error of the plane over most of the frame, mm, best rigid motion taken off."""
    plane = plane_of(fit(boards, PATTERN, SQUARE_MM).file.plane)
    wide = np.mgrid[-7:8, -5:6].T.reshape(-1, 2) * 18.0
    found = plane.to_mm(CAMERA.to_px(wide, POSES[0]))
    a, b = found - found.mean(0), wide - wide.mean(0)
    u, _, v = np.linalg.svd(a.T @ b)
    return float(np.hypot(*(a @ (u @ v) - b).T).max())


def test_s5_the_plane_is_right_to_half_a_millimetre() -> None:
    assert off_mm(seen(POSES)) < 0.01
    assert off_mm(seen(POSES, noise_px=0.1)) < 0.5


def test_s5_boards_that_all_lie_flat_will_do() -> None:
    """The lens cannot be told from its distance then, and need not be."""
    flat = [pose((0, 0), spin, at, 700.0)
            for spin, at in [(0, (-80, -50)), (20, (-150, -90)), (-30, (0, -100)), (90, (60, -60)),
                             (45, (-100, 20)), (10, (20, 40))]]  # fmt: skip
    plane = plane_of(fit(seen(flat), PATTERN, SQUARE_MM).file.plane)
    found = plane.to_mm(CAMERA.to_px(GRID, flat[0]))
    across = np.hypot(*(found[0] - found[8]))
    assert across == pytest.approx(8 * SQUARE_MM, rel=0.002)


def test_s5_corners_are_found_where_they_were_drawn() -> None:
    found = find(rendered()[0], PATTERN)
    assert found is not None
    true = CAMERA.to_px(GRID, poses(np.random.default_rng(1), 3, 700.0)[0])
    assert np.abs(found - true).max() < 0.15


def test_s5_residuals_grow_with_the_noise() -> None:
    calm, rough = (fit(seen(POSES, n), PATTERN, SQUARE_MM).file for n in (0.02, 0.3))
    assert calm.residual_px < 0.1 < rough.residual_px < 0.6
    assert calm.sd_share < rough.sd_share


@pytest.mark.parametrize(
    ("boards", "says"),
    [
        (seen(POSES[:3]), "found in 3 pictures, expected 5"),
        (seen([POSES[0]] * 9), "in 1 places alone"),
        ([*seen(POSES[:6]), replace(seen(POSES)[7], size=(10, 10))], "all of one size"),
        (seen(POSES, noise_px=9.0), "px off"),
    ],
    ids=["too few", "all the same pose", "two cameras", "no board at all"],
)
def test_s5_sets_that_cannot_be_right_are_refused(boards: list[Board], says: str) -> None:
    with pytest.raises((SourceError, UsageError), match=says) as caught:
        fit(boards, PATTERN, SQUARE_MM)
    assert caught.value.fix


def test_s5_another_size_of_board_is_named() -> None:
    assert find(rendered()[0], (8, 5)) is None
    assert other_pattern(rendered()[0]) == PATTERN


def test_a_board_that_has_hardly_moved_is_passed_over() -> None:
    first, second = seen(POSES[:2])
    nudged = replace(first, corners=first.corners + 3)
    assert not is_new(nudged, [first])
    assert is_new(second, [first])


def test_frames_are_looked_at_until_there_are_enough() -> None:
    frames = [Frame("boards", n, "", pixels) for n, pixels in enumerate(rendered())]
    steps: list[int] = []
    found = find_boards(frames, CalibrationSettings(PATTERN, 20.0, 2), lambda: steps.append(1))
    assert (len(found.boards), found.frames, len(steps)) == (2, 2, 2)
    assert found.boards[1].name == "boards #1"


def test_a_frame_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(EdgeError, match="no such picture"):
        find_boards(
            [Frame("a", 0, "", None, "no such picture")],
            CalibrationSettings(PATTERN, 20.0, 9),
            lambda: None,
        )


def test_the_picture_shows_every_board() -> None:
    fitted = fit(seen(POSES), PATTERN, SQUARE_MM)
    picture = draw_corners(rendered()[0], fitted)
    assert picture.shape == (962, 1280, 3)
    least, most = scale_range(fitted)
    assert 0.6 < least < most < 0.9
    assert sum(fitted.in_plane) >= 4
