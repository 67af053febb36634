"""Photographs to lay rendered fish on, and to take their skins' texture from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from edge.records import U8
from quantize.errors import WorkshopError

GROUND_PX = 640  # longer side at which one is kept
MOST = 400  # pictures of a folder
HELD_OUT = 5  # one of so many judges
SUFFIXES = {".jpg", ".jpeg", ".png"}

Grounds = tuple[U8, ...]  # each (H, W, 3)


def read_grounds(folders: Sequence[Path]) -> tuple[Grounds, Grounds]:
    """To learn from, and to judge by: no picture is in both. Raises WorkshopError."""
    files = {path.name: path for folder in folders for path in _pictures(folder)}
    taught, judging = (
        tuple(_ground(p) for name, p in files.items() if _is_held(name) == is_judge)
        for is_judge in (False, True)
    )
    return taught, judging


def _is_held(name: str) -> bool:
    return crc32(name.encode()) % HELD_OUT == 0


def _pictures(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise WorkshopError(folder, "no picture in it", "JPEG or PNG files", "another --grounds")
    return found[:: max(1, len(found) // MOST)][:MOST]


def _ground(file: Path) -> U8:
    bgr = cv2.imread(str(file), cv2.IMREAD_REDUCED_COLOR_4)
    if bgr is None or max(bgr.shape[:2]) < GROUND_PX:
        bgr = cv2.imread(str(file))
    if bgr is None:
        raise WorkshopError(file, "cannot be decoded", "a picture", "take it out of --grounds")
    shrink = min(1.0, GROUND_PX / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[:, :, ::-1])
