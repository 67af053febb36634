"""What crops are made of beside what is rendered: real fish, and real grounds to lay fish on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import cv2
import msgspec
import numpy as np

from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.fish.cut_outs import cut_outs

GROUND_PX = 640  # longer side at which a ground is kept
MOST = 400  # pictures of a folder
HELD_OUT = 5  # one fish and one ground of so many judge
SUFFIXES = {".jpg", ".jpeg", ".png"}


class Stock(msgspec.Struct, frozen=True, eq=False):
    """May be empty: then all is rendered."""

    fish: tuple[F32, ...] = ()  # sprites (H, W, 4) 0..1, lying along x
    grounds: tuple[U8, ...] = ()  # (H, W, 3)


RENDERED = Stock()


def read_stock(fish: Path | None, grounds: Sequence[Path]) -> tuple[Stock, Stock]:
    """To learn from, and to judge by: no fish and no picture is in both. Raises WorkshopError."""
    sprites = {} if fish is None else cut_outs(fish)
    pictures = {path.name: path for folder in grounds for path in _pictures(folder)}
    parts = []
    for is_judge in (False, True):
        held = [s for name, s in sprites.items() if _is_held(name) == is_judge]
        files = [p for name, p in pictures.items() if _is_held(name) == is_judge]
        parts.append(Stock(tuple(held), tuple(_ground(file) for file in files)))
    return parts[0], parts[1]


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
