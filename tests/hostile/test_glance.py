"""A glance that is damaged, hostile or not the one that was packed: refused with the numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.bundle import open_bundle
from edge.bundle.write import stored
from edge.errors import BundleError, InferenceError
from edge.tagger import open_tagger
from tests import tiny

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def glancing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    return tiny.write_glancing(tmp_path_factory.mktemp("bundles") / "glancing")


@pytest.fixture
def folder(glancing: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(glancing, tmp_path / "glancing"))


def change(folder: Path, edit: Edit) -> Path:
    file = folder / "bundle.json"
    manifest = json.loads(file.read_bytes())
    edit(manifest["glance"])
    file.write_text(json.dumps(manifest), "utf-8")
    return folder


def replaced(folder: Path, model: bytes) -> Path:
    """Another artifact, rightly hashed."""
    (folder / "glance/tiny.json").write_bytes(model)
    file = stored("glance/tiny.json", model)
    fields = {"file": file.file, "size_bytes": file.size_bytes, "sha256": file.sha256}
    return change(folder, lambda glance: glance["artifacts"][0].update(files=[fields]))


def test_a_glance_that_reproduces_says_where_a_frame_is_hot(glancing: Path) -> None:
    with open_tagger(glancing) as tagger:
        assert tagger.has_glance
        red, _ = tagger.glance(tiny.paint("red", 90, 120))
        black, _ = tagger.glance(tiny.paint("black", 90, 120))
    assert red.by_kind.shape == (tiny.ROWS, tiny.COLUMNS, len(tiny.KINDS))
    assert red.any[0, 0] > red.any[1, 2] > 0.5
    assert red.spots[0].box[:2] == (0, 0)
    assert black.any.max() <= 0.5


def test_a_bundle_without_a_glance_has_none(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        assert not tagger.has_glance
        with pytest.raises(ValueError, match="no glance"):
            tagger.glance(tiny.paint("red"))


def test_the_glance_of_another_precision_is_better_than_none(folder: Path) -> None:
    file = folder / "bundle.json"
    manifest = json.loads(file.read_bytes())
    manifest["artifacts"][0]["precision"] = "float"
    for golden in manifest["golden"]:
        golden["scores"] = {"null/float": golden["scores"]["null/int8"]}
    file.write_text(json.dumps(manifest), "utf-8")
    with open_tagger(folder) as tagger:
        assert tagger.artifact.precision == "float"
        assert tagger.has_glance


def test_a_glance_of_another_network_is_refused_with_the_numbers(folder: Path) -> None:
    """Green where it was red: the same shapes, every hash right."""
    replaced(folder, tiny.glance_model((-4, 8, -4)))
    says = r"does not reproduce: row 0, column 0: 'colours' is 0\.018, expected 1\.000 \+- 0\.1"
    with pytest.raises(BundleError, match=says):
        open_tagger(folder)


def test_places_that_moved_are_refused_like_heat(folder: Path) -> None:
    model = json.loads(tiny.glance_model())
    model["outputs"]["geometry"]["bias"] = [0.5, 0.5, -3] * (tiny.ROWS * tiny.COLUMNS)
    replaced(folder, json.dumps(model).encode())
    says = r"log2 of the side is -3\.00, expected -1\.00 \+- 0\.3; .*and 1 more|column 2"
    with pytest.raises(BundleError, match=says):
        open_tagger(folder)


def test_a_difference_of_other_cpus_is_none(folder: Path) -> None:
    replaced(folder, tiny.glance_model((7.9, -4, -4)))
    open_tagger(folder).close()


def _fewer_cells(model: dict[str, Any]) -> None:
    model["outputs"]["heat"]["weights"].pop()
    model["outputs"]["heat"]["bias"].pop()


OTHER_MODELS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "fewer cells": (_fewer_cells, r"output 'heat' is \(1, 11\), expected \(1, 12\)"),
    "no geometry": (lambda m: m["outputs"].pop("geometry"), "output 'geometry' is missing"),
    "another input": (
        lambda m: m.update(height=9),
        r"input is \(9, 12, 3\), expected \(8, 12, 3\)",
    ),
}


@pytest.mark.parametrize("name", OTHER_MODELS)
def test_an_artifact_of_other_shapes_is_refused(folder: Path, name: str) -> None:
    edit, says = OTHER_MODELS[name]
    model = json.loads(tiny.glance_model())
    edit(model)
    with pytest.raises(BundleError, match=says):
        open_tagger(replaced(folder, json.dumps(model).encode()))


@pytest.mark.filterwarnings("ignore:overflow")  # numpy's, in the thread that opens the glance
def test_numbers_that_are_none_are_an_engine_error(folder: Path) -> None:
    model = json.loads(tiny.glance_model())
    model["outputs"]["heat"]["bias"][0] = 1e300  # more than float32 holds
    replaced(folder, json.dumps(model).encode())
    with pytest.raises(InferenceError, match="gives NaN or infinity"):
        open_tagger(folder)


@pytest.mark.parametrize("name", ["glance/tiny.json", "glance/golden.png"])
def test_a_file_of_the_glance_that_was_changed_is_refused(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BundleError, match=f"{name}: SHA-256"):
        open_tagger(folder)


def test_a_golden_picture_of_another_size_is_refused(folder: Path, tiny_bundle: Path) -> None:
    other = (tiny_bundle / "golden/red.png").read_bytes()

    def edit(glance: dict[str, Any]) -> None:
        glance["input"]["width"] = 24
        glance["golden"] = vars_of(stored("glance/golden.png", other))

    (folder / "glance/golden.png").write_bytes(other)
    model = json.loads(tiny.glance_model()) | {"width": 24}
    replaced(folder, json.dumps(model).encode())
    with pytest.raises(BundleError, match=r"golden picture is \(8, 12, 3\), expected \(8, 24, 3\)"):
        open_tagger(change(folder, edit))


def vars_of(file: object) -> dict[str, Any]:
    return {name: getattr(file, name) for name in ("file", "size_bytes", "sha256")}


WRONG: dict[str, tuple[Edit, str]] = {
    "no rows": (lambda g: g.update(rows=0), "glance.rows is 0"),
    "cells without end": (lambda g: g.update(columns=10**9), "glance.columns is 1000000000"),
    "no kinds": (lambda g: g.update(kinds=[]), "number of glance.kinds is 0"),
    "a kind twice": (lambda g: g.update(kinds=["marks"] * 2), "glance.kinds is 'marks'"),
    "a kind that is no word": (lambda g: g.update(kinds=["a b", "c"]), "glance.kinds is 'a b'"),
    "no artifact": (lambda g: g.update(artifacts=[]), "number of glance.artifacts is 0"),
    "an artifact twice": (
        lambda g: g.update(artifacts=g["artifacts"] * 2),
        "engine/precision is 'null/int8'",
    ),
    "an engine without crops": (
        lambda g: g["artifacts"][0].update(engine="tflite"),
        r"glance.artifacts\[0\].engine is 'tflite'",
    ),
    "one output for both": (
        lambda g: g["artifacts"][0].update(geometry="heat"),
        r"artifacts\[0\].geometry is 'heat'",
    ),
    "no proof": (lambda g: g["artifacts"][0].update(golden=[]), r"\.golden is 0, expected 1 to"),
    "proofs without end": (
        lambda g: g["artifacts"][0].update(golden=g["artifacts"][0]["golden"] * 40),
        r"\.golden is 80",
    ),
    "a cell outside": (
        lambda g: g["artifacts"][0]["golden"][0].update(row=2),
        r"golden is \(2, 0\)",
    ),
    "a kind unproven": (
        lambda g: g["artifacts"][0]["golden"][0].update(heat={"marks": 0.1}),
        r"golden is \('marks',\)",
    ),
    "better than all": (
        lambda g: g.update(average_precision={"null/int8": 1.5}),
        r"average_precision\['null/int8'\] is 1.5",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_manifest_that_contradicts_itself_is_refused(folder: Path, name: str) -> None:
    edit, says = WRONG[name]
    with pytest.raises(BundleError, match=says):
        open_bundle(change(folder, edit))
