"""Calibration sets: unlabelled pictures from one's own camera, with a manifest that hashes them.

A set is a folder with JPEGs and `manifest.json`. The manifest is rewritten, whole, after every
picture: a kill or a power cut at any moment leaves a set that can be read and continued.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np

from edge import bounded
from edge.errors import SourceError
from edge.pictures.pixels import decode, jpeg, rgb
from edge.records import F32, U8, Frame
from edge.store import make_folder, write_whole
from edge.strict import NOT_JSON, decoded

log = logging.getLogger(__name__)

SCHEMA = 1
MANIFEST = "manifest.json"
MAX_PICTURES = 10_000
MAX_MANIFEST_BYTES = 16 * 2**20  # 10,000 pictures take 2 MB
# Mean difference in luma (0..255) below which a frame shows the same as the last one.
MIN_CHANGE = 2.0
QUALITY = 95
COPY = "copy the calibration set again, or capture a new one"


class Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture of the set."""

    file: str  # a name in the set's folder
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 30)]
    sha256: str  # hex, lower case
    width: int  # px
    height: int  # px
    time: str  # when it was taken, RFC 3339 in UTC


class CalibrationSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`."""

    schema: Literal[1]
    name: str
    made_by: str
    licence: str  # who may use the pictures for what; "" when nobody wrote it down
    pictures: tuple[Picture, ...] = ()


def capture(
    frames: Iterable[Frame],
    folder: Path,
    new: CalibrationSet,
    count: int,
    on_kept: Callable[[], object] = lambda: None,
) -> CalibrationSet:
    """Keep frames in `folder` until it holds `count`, leaving out those that look like the last.

    Continues a set that is there already; `new` says what a fresh one is called. Raises SinkError
    when a picture cannot be written, SourceError when what is there is no calibration set.
    """
    made = load_set(folder) if (folder / MANIFEST).exists() else new
    last = _last_of(made, folder)
    if len(made.pictures) >= count:
        return made
    for frame in frames:
        if frame.pixels is None:
            log.warning("left out: %s", frame.error)
            continue
        pixels = rgb(frame.pixels)
        glimpse = _glimpse(pixels)
        if last is not None and float(np.abs(glimpse - last).mean()) < MIN_CHANGE:
            continue
        last = glimpse
        made = _with(made, folder, frame, pixels)
        on_kept()
        if len(made.pictures) >= count:
            break
    return made


def read_set(folder: Path) -> list[Path]:
    """The pictures of a calibration set, in its order, each one checked against its hash.

    Raises SourceError that names the first file that is missing or changed.
    """
    return [_checked(folder, picture)[0] for picture in load_set(folder).pictures]


def load_set(folder: Path) -> CalibrationSet:
    """The manifest of a calibration set; its pictures are not looked at. Raises SourceError."""
    path = folder / MANIFEST
    text = bounded.read(path, MAX_MANIFEST_BYTES, SourceError, "a manifest", COPY)
    try:
        made = decoded(text, CalibrationSet)
    except NOT_JSON as e:
        raise SourceError(f"{path}: {e}, expected a calibration set's manifest", fix=COPY) from e
    for picture in made.pictures:
        if Path(picture.file).name != picture.file or "\0" in picture.file:
            raise SourceError(
                f"{path}: file is {picture.file!r}, expected a name in the folder", fix=COPY
            )
    return made


def _with(made: CalibrationSet, folder: Path, frame: Frame, pixels: U8) -> CalibrationSet:
    """The set with one picture more, stored: first the picture, then the manifest that names it."""
    content = jpeg(pixels, QUALITY)
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(content).hexdigest()
    file = f"{len(made.pictures):06d}.jpg"
    picture = Picture(file, len(content), digest, width, height, frame.time)
    grown = msgspec.structs.replace(made, pictures=(*made.pictures, picture))
    make_folder(folder)
    write_whole(folder / file, content, is_synced=True)
    manifest = msgspec.json.format(msgspec.json.encode(grown), indent=1)
    write_whole(folder / MANIFEST, manifest, is_synced=True)
    return grown


def _glimpse(pixels: U8) -> F32:
    """(H, W, 3) RGB -> (36, 64) luma, 0..255: small enough that noise vanishes."""
    small = cv2.resize(pixels, (64, 36), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _last_of(made: CalibrationSet, folder: Path) -> F32 | None:
    """A glimpse of its last picture. Raises SourceError."""
    if not made.pictures:
        return None
    path, found = _checked(folder, made.pictures[-1])
    return _glimpse(decode(found, str(path)))


def _checked(folder: Path, picture: Picture) -> tuple[Path, bytes]:
    """Where a picture of the set lies, and its bytes, which are those that were kept."""
    path = folder / picture.file
    found = bounded.read(path, picture.size_bytes, SourceError, "what the manifest says", COPY)
    if hashlib.sha256(found).hexdigest() != picture.sha256:
        raise SourceError(f"{path}: changed since the manifest was written", fix=COPY)
    return path, found
