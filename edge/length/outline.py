"""The outline: a small network that says which pixels of a crop are the fish in its middle, and
which are any fish: of a whole frame that tells where to look, of a crop whether others hide a part.

A folder of its own beside the bundle, made by `edge-quantize quantize-outline`: `outline.json`, a
model an engine, and a golden crop with the cells that it must give. Every file is hashed before it
is opened, and a model that does not reproduce is refused. Without one, colours alone draw masks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import msgspec
import numpy as np

from edge import bounded
from edge.bundle.manifest import StoredFile
from edge.bundle.manifest_read import need
from edge.engines import Engine, installed, open_engine
from edge.errors import BundleError, EngineMissing, InferenceError
from edge.heads.scores import sigmoid
from edge.pictures.pixels import decode
from edge.records import F32, U8
from edge.strict import read_json

MANIFEST = "outline.json"
MAKE = "edge-quantize quantize-outline makes it for every engine"
SCHEMA = 2
PLANES = 2  # the fish in the middle; any fish
STRIDE = 2  # px of the crop a cell
MAX_SIDE_PX, MAX_CELLS, MAX_FILE_BYTES, MAX_JSON_BYTES = 640, 64, 1 << 25, 1 << 18
TOLERANCE = 0.15  # of a probability; integer kernels differ a little between CPUs
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


_need = partial(need, fix=MAKE)


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cell of the golden crop must say."""

    plane: int
    row: int
    column: int
    probability: float


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For one engine."""

    engine: str
    precision: Literal["float", "int8"]
    files: tuple[StoredFile, ...]
    golden: tuple[Cell, ...]


class OutlineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`outline.json`."""

    schema: int
    kind: Literal["fish-outline"]
    side: int  # px of the crop, square, RGB, uint8
    models: tuple[Model, ...]
    golden: StoredFile  # PNG
    evaluation: str = ""
    mask_ap: dict[str, float] = {}  # "onnxruntime/int8" -> 0..1


class OutlineMaps(msgspec.Struct, frozen=True, eq=False):
    """What it says of a view (h, w)."""

    meant: F32  # (h, w) 0..1: the fish in the middle
    every: F32  # (h, w) 0..1: any fish
    cell_px: float  # px of the view a cell: no edge is known better


class Outliner:
    """An open outline. Not thread-safe; owns its engine."""

    def __init__(self, made: OutlineFile, model: Model, engine: Engine, golden: U8) -> None:
        """Raises BundleError when it does not answer as when it was made."""
        self.side, self.cells = made.side, made.side // STRIDE
        self._engine = engine
        self._where = f"outline of {model.engine}/{model.precision}"
        wanted = (made.side, made.side, 3)
        if tuple(engine.input.shape[1:]) != wanted or golden.shape != wanted:
            raise BundleError(
                f"{self._where}: input is {engine.input.shape[1:]}, golden crop {golden.shape}, "
                f"expected {wanted}",
                fix=MAKE,
            )
        self._require(golden, model.golden)

    def maps(self, view: U8) -> OutlineMaps:
        """Of a crop, or of a frame as a whole, (h, w, 3). Raises InferenceError."""
        height, width = view.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = cv2.copyMakeBorder(
            view, top, side - height - top, left, side - width - left, cv2.BORDER_REPLICATE
        )
        how = cv2.INTER_AREA if side > self.side else cv2.INTER_LINEAR
        crop = cv2.resize(square, (self.side, self.side), interpolation=how)
        cells = self.cells_of(np.asarray(crop, np.uint8))
        meant, every = (
            cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR)[
                top : top + height, left : left + width
            ]
            for plane in cells
        )
        return OutlineMaps(
            np.ascontiguousarray(meant), np.ascontiguousarray(every), side / self.cells
        )

    def cells_of(self, crop: U8) -> F32:
        """(side, side, 3) -> (PLANES, cells, cells) 0..1. Raises InferenceError."""
        [row] = self._engine.run(np.ascontiguousarray(crop[None])).values()
        if row.size != PLANES * self.cells**2 or not np.isfinite(row).all():
            raise InferenceError(
                f"{self._where} gives {row.shape}, or no numbers, "
                f"expected {PLANES * self.cells**2} of them",
                fix="use another engine, or leave --outline out",
            )
        return sigmoid(row.reshape(PLANES, self.cells, self.cells))

    def close(self) -> None:
        self._engine.close()

    def _require(self, golden: U8, cells: Sequence[Cell]) -> None:
        found = self.cells_of(golden)
        for cell in cells:
            now = float(found[cell.plane, cell.row, cell.column])
            if not abs(now - cell.probability) <= TOLERANCE:
                raise BundleError(
                    f"{self._where} does not reproduce: plane {cell.plane}, row {cell.row}, column "
                    f"{cell.column} is {now:.3f}, expected {cell.probability:.3f} +- {TOLERANCE}",
                    fix="copy the folder again; if that does not help, use another engine",
                )


def open_outline(
    folder: Path, engine: str | None = None, provider: str = "CPU", threads: int = 0
) -> Outliner:
    """Open a folder on an engine; None: the first that is installed and in it.

    Raises BundleError, EngineMissing, ProviderUnavailable.
    """
    made = read_outline(folder)
    return opened(made, str(folder), lambda file: _held(folder, file), engine, provider, threads)


def opened(
    made: OutlineFile,
    where: str,
    read: Callable[[StoredFile], bytes],
    engine: str | None,
    provider: str,
    threads: int,
) -> Outliner:
    """The same, of files that `read` gives, each hashed. Raises as it does."""
    model = _model(made, where, engine)
    golden = decode(read(made.golden), f"{where}/{made.golden.file}")
    files = [read(file) for file in model.files]
    running = open_engine(model.engine, files, provider=provider, threads=threads)
    try:
        return Outliner(made, model, running, golden)
    except BaseException:
        running.close()
        raise


def read_outline(folder: Path) -> OutlineFile:
    """`outline.json`, right in itself; files are not looked at. Raises BundleError."""
    path = folder / MANIFEST
    return parsed(_bytes(path, MAX_JSON_BYTES), str(path))


def parsed(data: bytes, where: str) -> OutlineFile:
    """The same, of its bytes; `where` is for what is said of them. Raises BundleError."""
    made = read_json(data, OutlineFile, where, MAKE)
    cells = made.side // STRIDE
    _need(made.schema == SCHEMA, where, "schema", made.schema, str(SCHEMA))
    _need(32 <= made.side <= MAX_SIDE_PX and not made.side % 16, where, "side", made.side,
          f"a multiple of 16, 32 to {MAX_SIDE_PX}")  # fmt: skip
    _need(len(made.models) > 0, where, "number of models", 0, "1 or more")
    for model in made.models:
        proofs = len(model.golden)
        _need(
            1 <= proofs <= MAX_CELLS, where, "number of golden cells", proofs, f"1 to {MAX_CELLS}"
        )
        for cell in model.golden:
            inside = 0 <= cell.row < cells and 0 <= cell.column < cells and cell.plane in (0, 1)
            _need(inside, where, "golden", (cell.plane, cell.row, cell.column), "a cell of it")
    for stored in (made.golden, *(file for model in made.models for file in model.files)):
        is_plain = bool(NAME.fullmatch(stored.file))
        _need(is_plain, where, "file", stored.file[:80], "a name in the folder")
        _need(0 <= stored.size_bytes <= MAX_FILE_BYTES, where, f"{stored.file}: size_bytes",
              stored.size_bytes, f"0 to {MAX_FILE_BYTES}")  # fmt: skip
    return made


def _model(made: OutlineFile, where: str, engine: str | None) -> Model:
    here = [*installed(), "null"] if engine is None else [engine]
    found = next((m for name in here for m in made.models if m.engine == name), None)
    if found is None:
        has = ", ".join(sorted({m.engine for m in made.models}))
        raise EngineMissing(
            f"{where}: outline is for {has}, expected {engine or 'one that is installed'}",
            fix=MAKE,
        )
    return found


def _held(folder: Path, stored: StoredFile) -> bytes:
    """The bytes of a file, as the manifest hashes them. Raises BundleError."""
    data = _bytes(folder / stored.file, MAX_FILE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != stored.size_bytes or digest != stored.sha256:
        raise BundleError(
            f"{folder / stored.file}: {len(data)} bytes, sha256 {digest[:12]}..., expected "
            f"{stored.size_bytes} bytes, {stored.sha256[:12]}...",
            fix="copy the folder again",
        )
    return data


def _bytes(path: Path, most: int) -> bytes:
    fix = "edge-quantize quantize-outline writes it"
    return bounded.read(path, most, BundleError, "a file of an outline", fix)
