"""Real fish, cut out of the pictures of a labelled folder, to lay on grounds beside drawn ones.

Pictures of one fish on an even ground are what colours alone can cut: those are kept in which the
mask is of a whole fish by its shape. `fish` of the labels tells individuals apart: one fish is
never on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from calib_data.paint import trim, turn
from edge.errors import SourceError
from edge.length.mask import near
from edge.length.measure import measure
from edge.length.pieces import pieces_of
from edge.length.plane import FlatPlane
from edge.pictures.pixels import decode
from edge.records import F32, U8
from quantize.errors import WorkshopError

LEAST_PX = 110  # of the fish's length: a smaller one is a blur
LIKE = 0.42  # how much of a fish its mask must be
APART = 0.12  # by which its two lengths may differ: more, and a part is missing
STEP = 8.0  # of colour along the edge: less, and nobody knows where it ends
MOST = 4  # cutouts of one individual
HELD_OUT = 5  # one of so many judges


class Skin(msgspec.Struct, frozen=True, eq=False):
    """A cutout, its head at either end."""

    name: str  # of the individual
    sprite: U8  # (H, W, 4)


class _Row(msgspec.Struct):
    file: str
    fish: str


def read_skins(folder: Path | None, is_judge: bool) -> tuple[Skin, ...]:
    """To judge by, or to learn from. Raises WorkshopError where there is none."""
    if folder is None:
        return ()
    rows = [row for row in _rows(folder) if is_held(row.fish) == is_judge]
    found = tuple(tqdm(_skins(folder, rows), "skins", unit="fish", disable=None))
    if not found:
        raise WorkshopError(folder, "no fish that can be cut out", "pictures of whole fish", "")
    return found


def is_held(name: str) -> bool:
    """Does it judge?"""
    return crc32(name.encode()) % HELD_OUT == 0


def _skins(folder: Path, rows: list[_Row]) -> Iterator[Skin]:
    kept: dict[str, int] = {}
    for row in rows:
        if kept.get(row.fish, 0) >= MOST:
            continue
        try:
            sprite = cut(decode((folder / row.file).read_bytes(), row.file))
        except (OSError, SourceError) as e:
            raise WorkshopError(folder / row.file, str(e), "a picture", "copy it again") from e
        if sprite is not None:
            kept[row.fish] = kept.get(row.fish, 0) + 1
            yield Skin(row.fish, sprite)


def _rows(folder: Path) -> list[_Row]:
    file = folder / "labels.jsonl"
    try:
        return [msgspec.json.decode(line, type=_Row) for line in file.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as e:
        raise WorkshopError(file, str(e), 'rows of {"file": ..., "fish": ...}', "") from e


def cut(rgb: U8) -> U8 | None:
    """The fish of a picture, (H, W, 4); None where colours do not show it whole."""
    rough = pieces_of(rgb)
    for number in rough.promising(0.3)[:1]:
        [piece] = near(rgb, rough, number) or [None]
        look = piece and measure(piece, FlatPlane(1.0), rgb.shape[1::-1], False)
        if not piece or not look or piece.is_crowded or look.score < LIKE:
            return None
        if abs(look.shape_cm / look.midline_cm - 1) > APART:
            return None
        x0, y0, x1, y1 = piece.box
        view = cv2.resize(rgb[y0:y1, x0:x1], piece.soft.shape[::-1])
        if look.cm * 10 < LEAST_PX or _step(view, piece.mask) < STEP:
            return None
        return _sprite(view, piece.soft)
    return None


def _step(view: U8, mask: U8) -> float:
    """How much the colour differs on both sides of the edge, in the middle of it."""
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    reach = np.ones((7, 7), np.uint8)
    inner = (cv2.erode(mask, reach) == 0) & (mask > 0)
    outer = (cv2.dilate(mask, reach) > 0) & (mask == 0)
    if not inner.any() or not outer.any():
        return 0.0
    return float(np.hypot(*(lab[inner].mean(0) - lab[outer].mean(0))[[0, 2]]))


def _sprite(view: U8, soft: F32) -> U8:
    """Lying along its width, its rim a little within the mask's: no ground shines through."""
    inside = cv2.erode((soft >= 0.5).astype(np.uint8), np.ones((5, 5), np.uint8))
    alpha = np.maximum(np.clip((soft - 0.45) / 0.4, 0, 1), inside)
    sprite = np.dstack([view.astype(np.float32) / 255, alpha]).astype(np.float32)
    rows, columns = np.nonzero(alpha > 0.5)
    (xx, xy), (_, yy) = np.cov(columns, rows)
    along = 0.5 * np.arctan2(2 * xy, xx - yy)
    level = trim(turn(sprite, float(np.degrees(along))))
    return np.ascontiguousarray(np.round(255 * np.clip(level, 0, 1)).astype(np.uint8))


def bowed(sprite: F32, bend: float, wave: float) -> F32:
    """The fish (H, W, 4), which lies along its width, bent to a bow and an S, as shares of it."""
    height, width = sprite.shape[:2]
    more = int(np.ceil((abs(bend) + abs(wave)) * width)) + 2
    x, y = np.meshgrid(np.arange(width), np.arange(-more, height + more))
    s = (x + 0.5) / width
    off = bend * (4 * (s - 0.5) ** 2 - 0.5) + wave * np.sin(2 * np.pi * s)
    ready = sprite.copy()
    ready[..., :3] *= ready[..., 3:]
    out = cv2.remap(ready, x.astype(np.float32), (y + off * width).astype(np.float32),
                    cv2.INTER_LINEAR)  # fmt: skip
    out[..., :3] /= np.maximum(out[..., 3:], 1e-3)
    return np.asarray(out, np.float32)
