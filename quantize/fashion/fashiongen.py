"""FashionGen's h5 files: pictures, and what is said of them.

`fashiongen_256_256_{train,validation}.h5`: `input_image` (N, 256, 256, 3) uint8, and a column for
each thing said, (N, 1) bytes in ISO-8859-1 or numbers. Pictures of one product follow one another.
The set is not public any more; who has it puts the two files into a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec
import numpy as np

from edge.records import U8
from quantize.errors import WorkshopError

Split = Literal["train", "validation"]
NEEDED = (
    "input_image",
    "input_productID",
    "input_category",
    "input_subcategory",
    "input_description",
)
SAID = ("input_name", "input_season", "input_gender", "input_composition")  # where there


class Row(msgspec.Struct, frozen=True):
    """What is said of one picture."""

    product: int
    category: str
    sub_category: str
    description: str
    attributes: dict[str, str]  # composition, gender, name, season: those that the file has


class FashionGen:
    """One of the two files, open. Pictures are read one at a time."""

    def __init__(self, file: Path) -> None:
        """Raises WorkshopError when the file, a column, or the package h5py is missing, or is of
        another form.
        """
        self.file = file
        self._h5 = _opened(file)
        if wrong := _wrong(self._h5):
            self.close()
            raise _refused(file, wrong)
        self._columns = {k: _column(self._h5[k]) for k in (*NEEDED[1:], *SAID) if k in self._h5}
        if wrong := _wrong_products(self._columns["input_productID"]):
            self.close()
            raise _refused(file, wrong)

    def __len__(self) -> int:
        return len(self._columns["input_productID"])

    def row(self, index: int) -> Row:
        """What is said of picture `index`."""
        said = {key: column[index] for key, column in self._columns.items()}
        return Row(
            int(said["input_productID"]),
            text_of(said["input_category"]),
            text_of(said["input_subcategory"]),
            text_of(said["input_description"]),
            {k.removeprefix("input_"): text_of(said[k]) for k in SAID if k in said},
        )

    def picture(self, index: int) -> U8:
        """(256, 256, 3) RGB"""
        return np.asarray(self._h5["input_image"][index], np.uint8)

    def owner(self) -> list[int]:
        """Of each picture the number of its product; a product is a run of pictures."""
        ids = self._columns["input_productID"]
        return np.concatenate([[0], np.cumsum(ids[1:] != ids[:-1])]).tolist() if len(ids) else []

    def close(self) -> None:
        self._h5.close()

    def __enter__(self) -> FashionGen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_fashiongen(folder: Path, split: Split) -> FashionGen:
    """The file of a split in a folder. Raises WorkshopError."""
    return FashionGen(folder / f"fashiongen_256_256_{split}.h5")


def text_of(value: Any) -> str:
    """Bytes are ISO-8859-1; tabs are spaces."""
    text = value.decode("iso-8859-1") if isinstance(value, bytes) else str(value)
    return text.replace("\t", " ").strip()


def _wrong(h5: Any) -> str:
    """What is wrong with its columns, "" for nothing."""
    missing = [key for key in NEEDED if not hasattr(h5.get(key), "shape")]  # a group has none
    if missing:
        return f"no {', '.join(missing)} in it"
    shapes = {key: h5[key].shape for key in (*NEEDED, *SAID) if key in h5}
    pictures = h5["input_image"]
    if len(pictures.shape) != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        # a float picture would be cast, and be black
        return f"input_image {pictures.shape} of {pictures.dtype}, not (N, H, W, 3) of uint8"
    if flat := [key for key, shape in shapes.items() if not shape]:
        return f"one value in {', '.join(flat)}"
    if len({shape[0] for shape in shapes.values()}) != 1:
        return "columns of different lengths"
    return "" if len(pictures) else "no pictures in it"


def _wrong_products(ids: np.ndarray[Any, Any]) -> str:
    try:
        return "" if np.isfinite(ids.astype(np.float64)).all() else "a product id that is NaN"
    except ValueError as e:
        return f"a product id that is no number ({e})"


def _column(stored: Any) -> np.ndarray[Any, Any]:
    values = np.asarray(stored)
    return values.reshape(len(values), -1)[:, 0]  # (N, 1) or (N,)


def _opened(file: Path) -> Any:
    try:
        import h5py  # an extra: few have the set
    except ModuleNotFoundError as e:
        raise WorkshopError(
            file, "package h5py is not installed", "it", "pip install 'edge-tag[fashion]'"
        ) from e
    if not file.is_file():
        raise _refused(file, "no such file")
    try:
        return h5py.File(file, "r")
    except OSError as e:
        raise _refused(file, f"no h5 file ({e})") from e


def _refused(file: Path, found: str) -> WorkshopError:
    return WorkshopError(
        file,
        found,
        f"FashionGen's h5 with {', '.join(NEEDED)}",
        "FashionGen is given out by its authors on request; put its two h5 files into the folder",
    )


def texts_of(data: FashionGen, owner: Sequence[int]) -> list[str]:
    """One description a product: that of its first picture."""
    first: dict[int, int] = {}
    for picture, product in enumerate(owner):
        first.setdefault(product, picture)
    return [data.row(picture).description for picture in first.values()]
