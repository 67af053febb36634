"""What crops are made of beside drawings: photographs to lay fish on and to take skins' texture
from, and real fish that were cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.records import U8
from quantize.contents import files_below
from quantize.errors import WorkshopError
from quantize.fish.skins import Skin, is_held, read_skins

GROUND_PX = 640  # longer side at which one is kept
MOST = 400  # pictures of a folder
SUFFIXES = {".jpg", ".jpeg", ".png"}


class Grounds(msgspec.Struct, frozen=True, eq=False):
    """Either may be empty."""

    photos: tuple[U8, ...] = ()  # each (H, W, 3)
    skins: tuple[Skin, ...] = ()


def read_grounds(folders: Sequence[Path], fish: Path | None, is_judge: bool) -> Grounds:
    """To judge by, or to learn from: no picture and no fish is in both. Raises WorkshopError."""
    files = dict.fromkeys(path for folder in folders for path in _pictures(folder))
    photos = tuple(_ground(path) for path in files if is_held(path.name) == is_judge)
    return Grounds(photos, read_skins(fish, is_judge))


def _pictures(folder: Path) -> list[Path]:
    found = sorted(p for p in files_below(folder) if p.suffix.lower() in SUFFIXES)
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
