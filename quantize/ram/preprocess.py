"""Pictures as RAM's published code sees them, equal to the last bit: Pillow does the resizing.

OpenCV's bilinear differs (it does not average when it shrinks), so training's and the runtime's
`edge.pictures.pixels` is not used here. Policies, which are the published code's: the picture is
squashed to a square; an alpha channel is dropped, not composited; EXIF rotation is not applied,
unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from edge.errors import SourceError

# ImageNet's, at inference only: RAM was trained with CLIP's. The published files are used this way.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

Picture = Image.Image | NDArray[np.uint8]  # an array is (H, W, 3) RGB


def open_picture(file: Path, *, upright: bool = False) -> Image.Image:
    """Decode a file to RGB. `upright`: turn it as its EXIF tag says.

    Raises SourceError when there is no file, or it is no picture, or only the beginning of one.
    """
    try:
        return decoded(file.read_bytes(), file, upright=upright)
    except OSError as e:
        raise _no_picture(file, str(e)) from e


def decoded(content: bytes, where: object, *, upright: bool = False) -> Image.Image:
    """The same of a file's bytes; `where` opens the error."""
    try:
        with Image.open(BytesIO(content)) as stored:
            picture = ImageOps.exif_transpose(stored) if upright else stored
            return picture.convert("RGB")
    except UnidentifiedImageError as e:  # its words hold an address, another one every time
        raise _no_picture(where, "of no known form") from e
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise _no_picture(where, str(e)) from e


def pixels(picture: Picture, side: int) -> NDArray[np.float32]:
    """(3, side, side) normalised."""
    image = picture if isinstance(picture, Image.Image) else _from_array(picture)
    square = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    x = np.asarray(square, np.float32) / np.float32(255)  # (side, side, 3)
    return np.ascontiguousarray(((x - MEAN) / STD).transpose(2, 0, 1))


def batch(pictures: Sequence[Picture], side: int) -> Tensor:
    """(B, 3, side, side) float32"""
    return torch.from_numpy(np.stack([pixels(picture, side) for picture in pictures]))


def _no_picture(where: object, why: str) -> SourceError:
    return SourceError(
        f"{where}: not a picture ({why}), expected one that Pillow reads",
        fix="remove the file or replace it",
    )


def _from_array(picture: NDArray[np.uint8]) -> Image.Image:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{picture.dtype} of shape {picture.shape}, expected uint8 (H, W, 3)")
    return Image.fromarray(picture)
