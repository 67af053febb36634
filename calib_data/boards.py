"""Pictures of a checkerboard, and of any plane, through a camera whose every number is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib_data.camera import photograph
from calib_data.paint import F32, U8

F64 = NDArray[np.float64]
PATTERN = (9, 6)  # inner corners, columns and rows
SQUARE_MM = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole with a lens before it (OpenCV's five numbers)."""

    size: tuple[int, int]  # W, H px
    focal_px: float
    lens: tuple[float, float, float, float, float] = (-0.12, 0.06, 0.0004, -0.0003, 0.0)

    @property
    def matrix(self) -> F64:
        """3 x 3"""
        width, height = self.size
        return np.array(
            [[self.focal_px, 0, width / 2], [0, self.focal_px, height / 2], [0, 0, 1.0]]
        )

    def to_px(self, points_mm: F64, pose: Pose) -> F64:
        """Points of a plane (N, 2), mm -> px of the picture (N, 2)."""
        full = np.column_stack([points_mm, np.zeros(len(points_mm))])
        seen, _ = cv2.projectPoints(full, pose.turn, pose.move, self.matrix, np.array(self.lens))
        return np.asarray(seen.reshape(-1, 2), np.float64)

    def to_mm(self, pose: Pose) -> tuple[F32, F32]:
        """Where in the plane every pixel lies, x and y (H, W), mm."""
        width, height = self.size
        x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
        points = np.stack([x.ravel(), y.ravel()], 1).reshape(-1, 1, 2)
        rays = cv2.undistortPoints(points, self.matrix, np.array(self.lens)).reshape(-1, 2)
        turn = cv2.Rodrigues(pose.turn)[0]
        plane = np.linalg.inv(np.column_stack([turn[:, 0], turn[:, 1], pose.move]))
        full = np.column_stack([rays, np.ones(len(rays))]) @ plane.T
        on = (full[:, :2] / full[:, 2:]).astype(np.float32)
        return on[:, 0].reshape(height, width), on[:, 1].reshape(height, width)


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a plane's own axes lie, as the camera sees them."""

    turn: F64  # (3,) rotation vector
    move: F64  # (3,) mm


def pose(
    tilt_deg: Sequence[float], spin_deg: float, at_mm: Sequence[float], depth_mm: float
) -> Pose:
    """A plane tilted about the camera's x and y, spun about its own normal; `at_mm`: its origin."""
    x, y, z = (np.radians(a) for a in (*tilt_deg, spin_deg))
    turn = np.eye(3)
    for axis, angle in (((0, 0, 1), z), ((1, 0, 0), x), ((0, 1, 0), y)):
        turn = cv2.Rodrigues(np.array(axis, np.float64) * angle)[0] @ turn
    return Pose(cv2.Rodrigues(turn)[0].ravel(), np.array([*at_mm, depth_mm], np.float64))


def board(
    rng: np.random.Generator, camera: Camera, at: Pose, pattern: tuple[int, int] = PATTERN
) -> U8:
    """A picture (H, W, 3) of a board whose first inner corner is the plane's origin."""
    x, y = camera.to_mm(at)
    u, v = x / SQUARE_MM + 1, y / SQUARE_MM + 1  # squares, from the board's own corner
    columns, rows = pattern[0] + 1, pattern[1] + 1
    soft = 0.5 * abs(float(np.median(np.gradient(u, axis=1)))) + 1e-6
    edge = np.minimum(abs(u - np.round(u)), abs(v - np.round(v))) / soft
    dark = ((np.floor(u) + np.floor(v)) % 2 == 0).astype(np.float32)
    dark = 0.5 + (dark - 0.5) * np.clip(edge, 0, 1)
    inside = (u > 0) & (u < columns) & (v > 0) & (v < rows)
    paper = (u > -1) & (u < columns + 1) & (v > -1) & (v < rows + 1)
    tone = np.where(inside, 0.92 - 0.84 * dark, np.where(paper, 0.92, 0.45)).astype(np.float32)
    return photograph(rng, np.repeat(tone[..., None], 3, 2), 0.6, 0.006)


def projected(flat: F32, mm_per_px: float, camera: Camera, at: Pose) -> F32:
    """A flat picture (H, W, C) of a plane as the camera sees it; its middle is the origin."""
    x, y = camera.to_mm(at)
    height, width = flat.shape[:2]
    map_x, map_y = x / mm_per_px + (width - 1) / 2, y / mm_per_px + (height - 1) / 2
    return np.asarray(
        cv2.remap(flat, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def poses(rng: np.random.Generator, count: int, depth_mm: float) -> list[Pose]:
    """The first flat, a third of the others too, the rest tilted; all over the frame."""
    made = [pose((2.0, -1.5), 4.0, (-80, -50), depth_mm)]
    flat = cv2.Rodrigues(made[0].turn)[0]
    for n in range(1, count):
        away = rng.uniform(-0.16, 0.16, 2) * depth_mm - [80, 50]
        if n % 3 == 0:  # slid about in the plane of the first
            slid = made[0].move + flat[:, :2] @ np.add(away, (80, 50))
            made.append(Pose(made[0].turn, slid))
        else:
            made.append(
                pose(
                    rng.uniform(-25, 25, 2),
                    rng.uniform(-40, 40),
                    away,
                    depth_mm * rng.uniform(0.75, 0.95),
                )
            )
    return made
