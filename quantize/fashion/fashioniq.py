"""FashionIQ: a picture, what should change in it, and the picture that is looked for.

    captions/cap.{dress,shirt,toptee}.{train,val}.json      [{candidate, target, captions: [2]}]
    image_splits/split.{dress,shirt,toptee}.{train,val}.json    the official gallery, where there
    images/ID.png

"all" is the three together. Numbers for a gallery made of the pairs' own pictures, as FashionSAP
published, are higher than for the official one: a table must say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError
from quantize.fashion.recall import ranks, recalls

Part = Literal["dress", "shirt", "toptee", "all"]
PARTS = ("dress", "shirt", "toptee")
KS = (1, 5, 10, 50)
FIX = "get captions, image_splits and images from github.com/XiaoxiaoGuo/fashion-iq"


class Pair(msgspec.Struct, frozen=True):
    """From `candidate`, changed as `captions` say, to `target`; names of pictures."""

    candidate: str
    target: str
    captions: tuple[str, ...]


def read_pairs(folder: Path, part: Part, split: str = "val") -> list[Pair]:
    """Raises WorkshopError when a file is missing, or has another form."""
    parts = PARTS if part == "all" else (part,)
    files = [folder / "captions" / f"cap.{name}.{split}.json" for name in parts]
    return [pair for file in files for pair in _read(file, list[Pair])]


def gallery_of(pairs: Sequence[Pair]) -> list[str]:
    """Every picture of the pairs once, in the order they come: the published gallery."""
    return list(dict.fromkeys(name for pair in pairs for name in (pair.candidate, pair.target)))


def official_gallery(folder: Path, part: Part, split: str = "val") -> list[str]:
    """That of the split files. Raises WorkshopError when one is missing."""
    parts = PARTS if part == "all" else (part,)
    files = [folder / "image_splits" / f"split.{name}.{split}.json" for name in parts]
    return list(dict.fromkeys(name for file in files for name in _read(file, list[str])))


def check(folder: Path) -> None:
    """Raises WorkshopError for the first file of all parts and both galleries that is missing or
    has another form: before hours are spent on the others.
    """
    names = {name for pair in read_pairs(folder, "all") for name in (pair.candidate, pair.target)}
    for name in sorted(names.union(official_gallery(folder, "all"))):
        picture_file(folder, name)


def picture_file(folder: Path, name: str) -> Path:
    """Raises WorkshopError when it is missing: links of the set have died."""
    file = folder / "images" / f"{name}.png"
    if not file.is_file():
        raise WorkshopError(file, "no such picture", "every picture of the pairs", FIX)
    return file


def recalls_of(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    names: Sequence[str],
    pairs: Sequence[Pair],
) -> dict[int, float]:
    """k -> per cent. queries (P, D), one a pair; gallery (G, D) of the pictures `names`.

    Raises WorkshopError for a target that is not in the gallery, for no pairs, and for scores that
    are no numbers; ValueError where there are not as many vectors as pairs, or as names.
    """
    if (len(queries), len(gallery)) != (len(pairs), len(names)):
        raise ValueError(
            f"{len(queries)} queries and {len(gallery)} vectors of a gallery, expected "
            f"{len(pairs)} and {len(names)}"
        )
    place = {name: i for i, name in enumerate(names)}
    lost = [pair.target for pair in pairs if pair.target not in place]
    if lost:
        raise WorkshopError(
            "gallery", f"{len(lost)} targets are not in it, {lost[0]} first", "every target", FIX
        )
    return recalls(ranks(queries @ gallery.T, [[place[pair.target]] for pair in pairs]), KS)


def _read(file: Path, form: type) -> list:
    try:
        found: list = msgspec.json.decode(file.read_bytes(), type=form)
    except OSError as e:
        raise WorkshopError(file, e.strerror or "no such file", "FashionIQ's", FIX) from e
    except msgspec.DecodeError as e:
        raise WorkshopError(file, f"does not parse ({e})", "FashionIQ's form", FIX) from e
    if not found:
        raise WorkshopError(file, "an empty list", "pairs, or names of pictures", FIX)
    return found
