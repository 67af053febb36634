"""An outline that is damaged, hostile or does not reproduce is refused by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.errors import BundleError, EdgeError, EngineMissing
from edge.length.outline import Cell, Model, OutlineFile, StoredFile, open_outline

SIDE = 32
CELLS = (SIDE // 2) ** 2


def stored(folder: Path, name: str, data: bytes) -> StoredFile:
    (folder / name).write_bytes(data)
    return StoredFile(name, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For the null engine: red is fish, everywhere."""
    outputs = {"mask": {"weights": [[12, -6, -6]] * 2 * CELLS, "bias": [-1.0] * 2 * CELLS}}
    model = json.dumps({"height": SIDE, "width": SIDE, "outputs": outputs}).encode()
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[..., 2] = 255
    golden = stored(tmp_path, "golden.png", cv2.imencode(".png", red)[1].tobytes())
    files = (stored(tmp_path, "tiny.json", model),)
    models = (Model("null", "int8", files, (Cell(0, 3, 4, 1.0),)),)
    made = OutlineFile(2, "fish-outline", SIDE, models, golden)
    (tmp_path / "outline.json").write_bytes(msgspec.json.encode(made))
    return tmp_path


def changed(folder: Path, change: Callable[[dict], object]) -> Path:
    table = json.loads((folder / "outline.json").read_bytes())
    change(table)
    (folder / "outline.json").write_text(json.dumps(table), "utf-8")
    return folder


def test_s3_an_outline_says_where_the_fish_is(folder: Path) -> None:
    outliner = open_outline(folder, "null")
    view = np.zeros((20, 50, 3), np.uint8)
    view[..., 0] = 255
    told = outliner.told(view)
    assert told.meant.shape == told.every.shape == (20, 50)
    assert min(told.meant.min(), told.every.min()) > 0.9
    outliner.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update(schema=9), "schema"),
        (lambda t: t.update(side=33), "side"),
        (lambda t: t.update(side=10**9), "side"),
        (lambda t: t.update(models=[]), "number of models"),
        (lambda t: t.update(colour="red"), "unknown field"),
        (lambda t: t["golden"].update(file="../../etc/passwd"), "file"),
        (lambda t: t["golden"].update(size_bytes=10**12), "size_bytes"),
        (lambda t: t["models"][0].update(golden=[]), "golden cells"),
        (lambda t: t["models"][0]["golden"][0].update(row=99), "golden"),
        (lambda t: t["models"][0]["golden"][0].update(probability=0.1), "does not reproduce"),
        (lambda t: t["models"][0]["files"][0].update(sha256="0" * 64), "tiny.json"),
    ],
    ids=["newer", "odd", "huge", "empty", "unknown", "path", "large", "unproven", "outside",
         "other answers", "other file"],
)  # fmt: skip
def test_s3_what_is_wrong_is_named(folder: Path, change: Callable, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        open_outline(changed(folder, change), "null")


@pytest.mark.parametrize("name", ["outline.json", "golden.png", "tiny.json"])
def test_a_file_that_is_gone_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        open_outline(folder, "null")


@pytest.mark.parametrize("name", ["outline.json", "golden.png", "tiny.json"])
def test_a_file_that_is_cut_short_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    with pytest.raises(EdgeError):
        open_outline(folder, "null")


def test_an_engine_that_it_has_not_is_said(folder: Path) -> None:
    with pytest.raises(EngineMissing, match="outline is for null"):
        open_outline(folder, "openvino")
