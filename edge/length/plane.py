"""A camera plane: where in the plane, in mm, a pixel of the frame lies.

Lens first, plane after: pixels are undistorted (OpenCV's five-number model), then a homography
takes them to the plane. A plane known by its scale alone has neither.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import msgspec
import numpy as np

from edge.errors import ConfigError
from edge.records import F64

SAME_SHAPE = 0.005  # by which the sides' ratio of a frame may differ from that of the plane
Size = tuple[int, int]  # W, H of a frame, px
ITERATIONS = (cv2.TERM_CRITERIA_MAX_ITER | cv2.TERM_CRITERIA_EPS, 40, 1e-8)


class Plane(Protocol):
    """What a length needs of a plane."""

    @property
    def sd_share(self) -> float:
        """Standard deviation of its scale, of a length: 0.003 is 3 mm in a metre."""
        ...

    def to_mm(self, points: F64) -> F64:
        """Pixels of the frame (N, 2) -> mm in the plane (N, 2)."""
        ...

    def for_size(self, width: int, height: int, first: Size) -> Plane:
        """The plane for frames of this size, of a source whose first frame had size `first`. Raises
        ConfigError where it cannot be.
        """
        ...


class FlatPlane(msgspec.Struct, frozen=True):
    """Seen from straight above by a lens without distortion: one scale everywhere.

    Raises ValueError for a scale that is none.
    """

    mm_per_px: float
    sd_share: float = 0.003  # nobody knows a scale better than that who did not calibrate

    def __post_init__(self) -> None:
        if not 0 < self.mm_per_px < np.inf:
            raise ValueError(f"mm_per_px is {self.mm_per_px}, expected a number above 0")

    def to_mm(self, points: F64) -> F64:
        """See Plane."""
        return points * self.mm_per_px

    def for_size(self, width: int, height: int, first: Size) -> FlatPlane:
        """See Plane: the scale was given for the frames that came first."""
        across, _ = shrunk(first, (width, height), "the first frame was of")
        return msgspec.structs.replace(self, mm_per_px=self.mm_per_px / across)


class CameraPlane(msgspec.Struct, frozen=True, eq=False):
    """A calibrated camera and the plane that its boards lay in."""

    width: int  # px of the frames it is for
    height: int
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]  # k1, k2, p1, p2, k3
    to_plane: tuple[tuple[float, float, float], ...]  # 3 x 3: undistorted px -> mm, up to scale
    sd_share: float = 0.003

    @property
    def matrix(self) -> F64:
        """The camera's, 3 x 3."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])

    def to_mm(self, points: F64) -> F64:
        """See Plane."""
        straight = undistorted(points, self.matrix, self.distortion)
        return mapped(straight, np.array(self.to_plane))

    def for_size(self, width: int, height: int, first: Size) -> CameraPlane:
        """See Plane: scaled where the frame has the same shape, refused where it has not."""
        if (width, height) == (self.width, self.height):
            return self
        shrunk((self.width, self.height), (width, height), "plane is for frames of")
        return scaled(self, width, height)


def shrunk(known: Size, now: Size, says: str) -> tuple[float, float]:
    """By how much, across and down. Raises ConfigError, with what `says` who knows, for frames of
    another shape.
    """
    across, down = now[0] / known[0], now[1] / known[1]
    if abs(across / down - 1) > SAME_SHAPE:
        raise ConfigError(
            f"{says} {known[0]} x {known[1]} px, frame is {now[0]} x {now[1]} px, expected the "
            "same shape",
            fix="edge-tag calibrate again, with pictures as this camera gives them now",
        )
    return across, down


def scaled(plane: CameraPlane, width: int, height: int) -> CameraPlane:
    """The same camera when it gives frames of another size."""
    across, down = width / plane.width, height / plane.height
    shrink = np.diag([1 / across, 1 / down, 1.0])
    shrink[0, 2], shrink[1, 2] = (1 / across - 1) / 2, (1 / down - 1) / 2  # middles of pixels
    matrix = np.array(plane.to_plane) @ shrink
    (fx, fy), (cx, cy) = plane.focal_px, plane.centre_px
    return msgspec.structs.replace(
        plane,
        width=width,
        height=height,
        focal_px=(fx * across, fy * down),
        centre_px=((cx + 0.5) * across - 0.5, (cy + 0.5) * down - 0.5),
        to_plane=rows_of(matrix),
    )


def undistorted(points: F64, matrix: F64, distortion: tuple[float, ...]) -> F64:
    """Pixels (N, 2) as a lens without distortion would show them."""
    if not len(points):
        return points
    lens = np.array(distortion, np.float64)
    many = np.asarray(points, np.float64).reshape(-1, 1, 2)
    return np.asarray(
        cv2.undistortPointsIter(many, matrix, lens, np.eye(3), matrix, ITERATIONS)
        if hasattr(cv2, "undistortPointsIter")
        else cv2.undistortPoints(many, matrix, lens, P=matrix),
        np.float64,
    ).reshape(-1, 2)


def mapped(points: F64, homography: F64) -> F64:
    """(N, 2) through a 3 x 3."""
    full = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(full[:, :2] / full[:, 2:], np.float64)


def length_mm(points: F64, plane: Plane) -> float:
    """Of a line (N, 2) in frame pixels, measured in the plane."""
    return float(np.hypot(*np.diff(plane.to_mm(points), axis=0).T).sum())


def rows_of(matrix: F64) -> tuple[tuple[float, float, float], ...]:
    """A 3 x 3 as a record holds it."""
    return tuple((float(a), float(b), float(c)) for a, b, c in matrix)
