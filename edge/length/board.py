"""Pictures of a checkerboard -> the camera plane that the board lay in.

The first board says which plane is meant; others that lie in the same one make it firmer, and those
that are tilted tell the lens. OpenCV does the fitting; what is refused, and why, is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import cv2
import msgspec
import numpy as np

from edge.errors import SourceError, UsageError
from edge.length.plane import CameraPlane, mapped, rows_of, undistorted
from edge.length.plane_file import SCHEMA, Lens, PlaneFile
from edge.records import F64, U8

FEWEST = 5  # boards
USUAL = ((9, 6), (8, 5), (7, 6), (7, 5), (8, 6), (10, 7), (11, 8), (6, 4), (7, 4), (12, 9))
SEARCH_PX = 1000  # longer side of the picture that a board is looked for in
SAME_TILT_DEG, SAME_DEPTH = 2.5, 0.02  # by which a board may differ and lie in the same plane
REACH = 0.5  # of the way from the middle of the frame to its corners: less, and k2 is noise
TILTED_DEG = 6.0  # between two boards: less, and a lens cannot be told from its distance
MOVED = 0.04  # of the frame's width: boards of which no corner is farther apart are one,
TURNED = 0.04  # of their own, unless they are turned or tilted so far
WORST_PX, WORST_MM = 2.0, 2.0  # residuals beyond which a plane is no plane
REFINED = (cv2.TERM_CRITERIA_MAX_ITER | cv2.TERM_CRITERIA_EPS, 60, 1e-4)


class Board(msgspec.Struct, frozen=True, eq=False):
    """A board that was found."""

    name: str  # the picture
    corners: F64  # (columns * rows, 2) px
    size: tuple[int, int]  # of the picture, W and H


class Fitted(msgspec.Struct, frozen=True, eq=False):
    """What came of it."""

    file: PlaneFile
    boards: tuple[Board, ...]
    off_px: tuple[float, ...]  # of each board, root mean square
    in_plane: tuple[bool, ...]  # does it lie in the plane


def find(rgb: U8, pattern: tuple[int, int]) -> F64 | None:
    """Inner corners of a board of `pattern` (columns, rows), (N, 2) px; or None."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    shrink = min(1.0, SEARCH_PX / max(grey.shape))
    small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH + cv2.CALIB_CB_NORMALIZE_IMAGE + cv2.CALIB_CB_FAST_CHECK
    is_found, corners = cv2.findChessboardCorners(small, pattern, flags=flags)
    if not is_found:
        return None
    at = ((corners.reshape(-1, 2) + 0.5) / shrink - 0.5).astype(np.float32).reshape(-1, 1, 2)
    pitch = float(np.median(np.hypot(*np.diff(at.reshape(-1, 2), axis=0).T)))
    half = int(np.clip(pitch / 4, 2, 15))
    cv2.cornerSubPix(grey, at, (half, half), (-1, -1), REFINED)
    return np.asarray(at.reshape(-1, 2), np.float64)


def other_pattern(rgb: U8) -> tuple[int, int] | None:
    """A board of another usual size that is there."""
    return next((size for size in USUAL if find(rgb, size) is not None), None)


def fit(boards: Sequence[Board], pattern: tuple[int, int], square_mm: float) -> Fitted:
    """The plane of the first board. Raises SourceError, UsageError, each with what to do."""
    _check(boards)
    size = boards[0].size
    grid = np.zeros((pattern[0] * pattern[1], 3))
    grid[:, :2] = np.mgrid[: pattern[0], : pattern[1]].T.reshape(-1, 2) * square_mm
    seen = [b.corners for b in boards]
    matrix, lens, turns, moves = _calibrated([grid] * len(boards), seen, size, reach(boards))
    poses = [(_turn(r), np.asarray(t, np.float64).ravel()) for r, t in zip(turns, moves)]
    same = [_lies_in(poses[0], pose) for pose in poses]
    to_plane = _homography(matrix, [p for p, is_same in zip(poses, same) if is_same])
    off_px = [_off(grid, b, matrix, lens, r, t) for b, r, t in zip(boards, turns, moves)]
    (fx, _, cx), (_, fy, cy), _ = rows_of(matrix)
    plane = CameraPlane(*size, (fx, fy), (cx, cy), lens, rows_of(to_plane))
    off_mm = [_off_mm(plane, b, grid) for b, is_same in zip(boards, same) if is_same]
    total_px, total_mm = float(_rms(off_px)), float(_rms(off_mm))
    _check_residuals(boards, off_px, total_px, total_mm)
    share = float(np.hypot(total_mm / (square_mm * max(pattern)), 0.001))
    record = Lens(size[0], size[1], plane.focal_px, plane.centre_px, lens, plane.to_plane)  # type: ignore[arg-type]
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    file = PlaneFile(SCHEMA, "camera-plane", made, len(boards), square_mm, round(total_px, 4),
                     round(total_mm, 4), round(share, 5), record)  # fmt: skip
    return Fitted(file, tuple(boards), tuple(off_px), tuple(same))


def is_new(board: Board, kept: Sequence[Board]) -> bool:
    """Does it show the board anywhere else, or turned otherwise, than those that are kept?"""
    return all(_differ(board, other) for other in kept)


def _differ(one: Board, other: Board) -> bool:
    """A board that is tilted on the spot hardly moves, and it is tilts that tell a lens."""
    apart = one.corners - other.corners
    is_moved = np.abs(apart).max() > MOVED * one.size[0]
    is_turned = np.abs(apart - apart.mean(0)).max() > TURNED * np.ptp(other.corners, axis=0).max()
    return bool(is_moved or is_turned)


def reach(boards: Sequence[Board]) -> float:
    """How far from the middle of the frame boards were seen; 1 is in its corners."""
    middle = (np.array(boards[0].size) - 1) / 2
    far = max(float(np.hypot(*(b.corners - middle).T).max()) for b in boards)
    return far / float(np.hypot(*middle))


def _check(boards: Sequence[Board]) -> None:
    sizes = sorted({b.size for b in boards})
    if len(sizes) > 1:
        told = ", ".join(f"{w} x {h}" for w, h in sizes)
        raise SourceError(
            f"{boards[0].name}: pictures are {told} px, expected all of one size",
            fix="take them all with the camera and the settings that fish are seen with",
        )
    if len(boards) < FEWEST:
        raise SourceError(
            f"boards were found in {len(boards)} pictures, expected {FEWEST} or more",
            fix="take more: the first flat in the plane, others turned, tilted, in every corner",
        )
    different: list[Board] = []
    for board in boards:
        if is_new(board, different):
            different.append(board)
    check_places(len(boards), len(different))


def check_places(boards: int, places: int) -> None:
    """Raises SourceError where so many boards are in too few places."""
    if places < FEWEST <= boards:
        raise SourceError(
            f"{boards} boards are in {places} places alone, expected {FEWEST} or more",
            fix="move the board between pictures: turned, tilted, in every corner of the frame",
        )


def _calibrated(
    grids: Sequence[F64], seen: Sequence[F64], size: tuple[int, int], far: float
) -> tuple[F64, tuple[float, float, float, float, float], Sequence[F64], Sequence[F64]]:
    """Camera matrix, lens, pose of each board. Where no board is tilted, the focal length is made
    up: it cannot be told from the distance, and makes no difference in the plane. Where boards
    reach only so `far`, k1 is all that they can tell of the lens: what else is fitted to their
    noise grows with the fifth power of the distance, to centimetres in the corners of the frame.
    """
    flags = cv2.CALIB_FIX_K3
    if far < REACH:
        flags |= cv2.CALIB_FIX_K2 | cv2.CALIB_ZERO_TANGENT_DIST
    flat = [grid.astype(np.float32) for grid in grids]
    at = [corners.astype(np.float32).reshape(-1, 1, 2) for corners in seen]
    _, matrix, lens, turns, moves = cv2.calibrateCamera(flat, at, size, None, None, flags=flags)
    normals = np.array([np.asarray(cv2.Rodrigues(r)[0])[:, 2] for r in turns])
    apart = np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1))).max()
    if apart < TILTED_DEG:
        long = 1.5 * max(size)
        guess = np.array([[long, 0, (size[0] - 1) / 2], [0, long, (size[1] - 1) / 2], [0, 0, 1.0]])
        flags |= (cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_FOCAL_LENGTH
                  | cv2.CALIB_FIX_PRINCIPAL_POINT | cv2.CALIB_ZERO_TANGENT_DIST)  # fmt: skip
        _, matrix, lens, turns, moves = cv2.calibrateCamera(
            flat, at, size, guess, None, flags=flags
        )
    k1, k2, p1, p2, k3 = (float(value) for value in np.asarray(lens).ravel()[:5])
    turned = [np.asarray(turn, np.float64) for turn in turns]
    moved = [np.asarray(move, np.float64) for move in moves]
    return np.asarray(matrix, np.float64), (k1, k2, p1, p2, k3), turned, moved


def _turn(vector: F64) -> F64:
    """A rotation vector as a matrix."""
    return np.asarray(cv2.Rodrigues(vector)[0], np.float64)


def _lies_in(first: tuple[F64, F64], other: tuple[F64, F64]) -> bool:
    """Do two boards lie in one plane?"""
    tilt = np.degrees(np.arccos(np.clip(abs(first[0][:, 2] @ other[0][:, 2]), -1, 1)))
    away = abs(first[0][:, 2] @ (other[1] - first[1]))
    return bool(tilt < SAME_TILT_DEG and away < SAME_DEPTH * np.linalg.norm(first[1]))


def _homography(matrix: F64, poses: Sequence[tuple[F64, F64]]) -> F64:
    """Undistorted px -> mm in the plane that these boards have in common; the first one's axes."""
    turn, move = poses[0]
    normals = np.array([pose[0][:, 2] * np.sign(pose[0][:, 2] @ turn[:, 2]) for pose in poses])
    normal = normals.mean(0) / np.linalg.norm(normals.mean(0))
    depth = float(np.mean([normal @ pose[1] for pose in poses]))
    right = turn[:, 0] - normal * (normal @ turn[:, 0])
    right /= np.linalg.norm(right)
    origin = move + normal * (depth - normal @ move)
    return np.asarray(np.linalg.inv(matrix @ np.stack([right, np.cross(normal, right), origin], 1)))


def _off(
    grid: F64, board: Board, matrix: F64, lens: tuple[float, ...], turn: F64, move: F64
) -> float:
    again, _ = cv2.projectPoints(grid, turn, move, matrix, np.array(lens))
    return _rms(np.hypot(*(again.reshape(-1, 2) - board.corners).T))


def _off_mm(plane: CameraPlane, board: Board, grid: F64) -> float:
    """How far the corners lie in the plane from where the board's own squares put them."""
    straight = undistorted(board.corners, plane.matrix, plane.distortion)
    found = mapped(straight, np.array(plane.to_plane))
    wanted = grid[:, :2].astype(np.float64)
    a, b = found - found.mean(0), wanted - wanted.mean(0)
    u, _, v = np.linalg.svd(a.T @ b)
    return _rms(np.hypot(*(a @ (u @ v) - b).T))


def _rms(values: Sequence[float] | F64) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _check_residuals(
    boards: Sequence[Board], off_px: Sequence[float], total_px: float, total_mm: float
) -> None:
    worst = boards[int(np.argmax(off_px))].name
    if not total_px <= WORST_PX or not np.isfinite(total_px):
        raise UsageError(
            f"corners are {total_px:.1f} px off, most of all in {worst}, expected {WORST_PX:g} px "
            "or less",
            fix="a board on something stiff; sharp pictures; leave out the one that is named",
        )
    if not total_mm <= WORST_MM:
        raise UsageError(
            f"corners in the plane are {total_mm:.1f} mm off, expected {WORST_MM:g} mm or less",
            fix="lay the board of the first picture flat; measure a square: --square-mm",
        )
