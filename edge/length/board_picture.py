"""A picture that shows what was calibrated with: the corners found, and how far off each is."""

from __future__ import annotations

import cv2
import numpy as np

from edge.length.board import Fitted
from edge.length.plane_file import plane_of
from edge.records import U8

WIDTH_PX = 1280
FLAT, TILTED, TEXT = (80, 220, 90), (255, 170, 60), (255, 255, 255)
LINE_PX = 22


def draw_corners(first: U8, fitted: Fitted) -> U8:
    """The first picture (H, W, 3) with every board's corners and how far off they are."""
    height, width = first.shape[:2]
    scale = WIDTH_PX / width
    out = cv2.resize(first, (WIDTH_PX, round(height * scale)), interpolation=cv2.INTER_AREA)
    out = (out * 0.6).astype(np.uint8)
    for board, off, is_flat in zip(fitted.boards, fitted.off_px, fitted.in_plane):
        colour = FLAT if is_flat else TILTED
        for x, y in (board.corners + 0.5) * scale:
            cv2.circle(out, (round(x), round(y)), 3, colour, 1, cv2.LINE_AA)
        x, y = (board.corners.mean(0) * scale).round().astype(int).tolist()
        cv2.putText(
            out, f"{off:.2f}", (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA
        )
    for n, line in enumerate(_told(fitted), 1):
        at = 10, LINE_PX * n
        cv2.putText(out, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, TEXT, 1, cv2.LINE_AA)
    return np.asarray(out, np.uint8)


def scale_range(fitted: Fitted) -> tuple[float, float]:
    """Least and greatest mm a pixel of the frame."""
    lens = fitted.file.plane
    plane = plane_of(lens)
    x, y = np.meshgrid(
        np.linspace(0.1, 0.9, 5) * lens.width, np.linspace(0.1, 0.9, 5) * lens.height
    )
    points = np.stack([x.ravel(), y.ravel()], 1)
    steps = np.hypot(*(plane.to_mm(np.add(points, (1, 0))) - plane.to_mm(points)).T)
    return float(steps.min()), float(steps.max())


def _told(fitted: Fitted) -> list[str]:
    made, (least, most) = fitted.file, scale_range(fitted)
    return [
        f"{made.boards} boards, {sum(fitted.in_plane)} in the plane (green); off in px at each",
        f"corners {made.residual_px:.2f} px and {made.residual_mm:.2f} mm off (root mean square)",
        f"{least:.3f} to {most:.3f} mm a pixel",
    ]
