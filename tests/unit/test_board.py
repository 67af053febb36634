"""S5: checkerboards -> a plane whose error is far below half a millimetre; bad sets are refused."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from msgspec.structs import replace

from calib_data.boards import PATTERN, SQUARE_MM, Camera, Pose, board, pose, poses
from edge.errors import EdgeError, SourceError, UsageError
from edge.length.board import Board, check_places, find, fit, is_new, other_pattern, reach
from edge.length.board_picture import draw_corners, scale_range
from edge.length.calibrating import CalibrationSettings, Found, find_boards, summary
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


def test_s5_a_board_that_is_tilted_on_the_spot_is_another() -> None:
    """Tilts are what tells a lens from its distance, and a tilt moves the far corners alone."""
    flat, tilted = seen([pose((0, 0), 0, (-80, -50), 700.0), pose((25, 0), 0, (-80, -45), 700.0)])
    assert is_new(tilted, [flat])


def test_s5_boards_in_the_middle_alone_make_no_lens_of_their_noise() -> None:
    """Once a second and a third coefficient were fitted: 3 cm off in the corners of the frame."""
    rng = np.random.default_rng(6)
    near = [pose((1, -1), 3, (-80, -50), 1200.0)]
    near += [pose(rng.uniform(-25, 25, 2), rng.uniform(-40, 40), (-80, -50), 1200.0)
             for _ in range(9)]  # fmt: skip
    for seed in range(6):
        boards = seen(near, 0.1, seed)
        plane = plane_of(fit(boards, PATTERN, SQUARE_MM).file.plane)
        corners = np.array([[-480.0, -360.0], [480, 360]])
        found = plane.to_mm(CAMERA.to_px(corners, near[0]))
        true = np.hypot(*(corners[0] - corners[1]))
        assert reach(boards) < 0.5
        assert np.hypot(*(found[0] - found[1])) == pytest.approx(true, rel=0.02)


def test_s5_where_no_board_was_is_told() -> None:
    near = [pose((12 * n, -8 * n), 9 * n, (-80, -50), 1200.0) for n in range(-2, 3)]
    lines = summary(fit(seen(near), PATTERN, SQUARE_MM), Found(7, still=2))
    assert "(2 more had hardly moved)" in lines[0]
    assert "to its corners: lengths farther out are guesses" in lines[-1]
    all_over = summary(fit(seen(POSES), PATTERN, SQUARE_MM), Found(14))
    assert not any("guesses" in line for line in all_over)


def test_s5_boards_that_stay_where_they_are_are_counted() -> None:
    """Once: "found in 4 pictures", of ten in which boards were found."""
    with pytest.raises(SourceError, match="10 boards are in 4 places alone"):
        check_places(10, 4)


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
