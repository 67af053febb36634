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
from msgspec.structs import replace

from edge.bundle import Bundle, StoredFile, open_bundle
from edge.bundle.audit import audit
from edge.bundle.write import stored as in_bundle
from edge.bundle.write import write_bundle
from edge.errors import BundleError, EdgeError, EngineMissing
from edge.length.outline import Cell, Model, OutlineFile, open_outline
from edge.length.packed import open_packed
from tests.integration.test_cli import edge_tag
from tests.tiny import tiny_parts

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
    told = outliner.maps(view)
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


def packed(folder: Path, at: Path, change: Callable[[dict], dict] = dict) -> Bundle:
    """A bundle with the outline in it, as `pack --outline` writes it."""
    files, manifest = tiny_parts()
    held = change({f"outline/{path.name}": path.read_bytes() for path in folder.iterdir()})
    named = tuple(in_bundle(name, data) for name, data in held.items())
    write_bundle(at, {**files, **held}, replace(manifest, outline=named))
    return open_bundle(at)


def test_s3_a_bundle_holds_one(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with packed(folder, tmp_path_factory.mktemp("b") / "b") as bundle:
        outliner = open_packed(bundle, "null")
        assert outliner.maps(np.full((20, 50, 3), (255, 0, 0), np.uint8)).every.min() > 0.9
        outliner.close()
        with pytest.raises(EngineMissing, match="outline is for null"):
            open_packed(bundle, "openvino")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda h: {k: v for k, v in h.items() if "json" not in k}, "no outline.json"),
        (lambda h: {k: v for k, v in h.items() if "golden" not in k}, "golden.png is another"),
        (lambda h: {**h, "outline/tiny.json": b"{}"}, "tiny.json is another"),
    ],
    ids=["no manifest", "no proof", "another model"],
)  # fmt: skip
def test_s3_a_bundle_that_holds_another_is_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, change: Callable, says: str
) -> None:
    with (
        packed(folder, tmp_path_factory.mktemp("b") / "b", change) as bundle,
        pytest.raises(BundleError, match=says),
    ):
        open_packed(bundle, "null")


def test_s3_one_in_the_bundle_is_used(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = tmp_path_factory.mktemp("b") / "b"
    packed(folder, at).close()
    (at / "outline" / "tiny.json").write_bytes(b"{}")
    red = at.parent / "red.png"
    cv2.imwrite(str(red), np.full((60, 80, 3), (0, 0, 255), np.uint8))
    ran = edge_tag("--bundle", at, "--json", "--mm-per-px", 1, red)
    assert ran.returncode == 4
    assert "outline/tiny.json" in ran.stderr
    assert edge_tag("--bundle", at, "--json", red).returncode == 0  # it is not asked for


@pytest.mark.parametrize(
    ("change", "answer", "says"),
    [
        (lambda model: None, "yes", "the outline gives its own"),
        (lambda model: model["golden"][0].update(probability=0.1), "NO", "does not reproduce"),
        (lambda model: model.update(engine="openvino"), "yes", "has no outline"),
    ],
    ids=["right", "other answers", "another engine"],
)
def test_a_check_of_the_bundle_asks_the_outline_too(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    change: Callable[[dict], object],
    answer: str,
    says: str,
) -> None:
    at = tmp_path_factory.mktemp("b") / "b"
    packed(changed(folder, lambda table: change(table["models"][0])), at).close()
    [found] = [finding for finding in audit(str(at)) if finding.is_golden]
    assert found.answer == answer
    assert says in found.found
