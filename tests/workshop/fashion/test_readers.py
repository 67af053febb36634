"""F7, F9: FashionGen's h5 and FashionIQ's JSON, and what is said when they are missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from quantize.errors import WorkshopError
from quantize.fashion.fashiongen import FashionGen, open_fashiongen, texts_of
from quantize.fashion.fashioniq import (
    Pair,
    check,
    gallery_of,
    official_gallery,
    picture_file,
    read_pairs,
    recalls_of,
)


def write_fashiongen(folder: Path, **changed: object) -> Path:
    """Three pictures of two products, in the published form."""
    h5py = pytest.importorskip("h5py", reason="pip install 'edge-tag[fashion]'")
    columns = {
        "input_image": np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(256, 1).repeat(
            256, 2
        ).repeat(3, 3),
        "index": np.arange(3)[:, None],
        "index_2": np.arange(3),
        "input_productID": np.array([[77], [77], [12]]),
        "input_category": _bytes("JEANS", "JEANS", "TOTE BAGS"),
        "input_subcategory": _bytes("JEANS", "JEANS", "TOTE\tBAGS"),
        "input_description": _bytes("Slim-fit jeans in détail.", "Slim-fit jeans.", "A tote."),
        "input_season": _bytes("SS2016", "SS2016", "FW2016"),
        "input_gender": _bytes("Men", "Men", "Women"),
    }  # fmt: skip
    file = folder / "fashiongen_256_256_validation.h5"
    with h5py.File(file, "w") as out:
        for key, value in {**columns, **changed}.items():
            if value is not None:
                out[key] = value
    return file


def _bytes(*texts: str) -> np.ndarray:
    return np.array([[text.encode("iso-8859-1")] for text in texts])


def test_fashiongen_rows_pictures_and_products(tmp_path: Path):
    """F9: ISO-8859-1 bytes, a product is a run of pictures."""
    write_fashiongen(tmp_path)
    with open_fashiongen(tmp_path, "validation") as data:
        assert len(data) == 3
        row = data.row(0)
        assert (row.product, row.category, row.sub_category) == (77, "JEANS", "JEANS")
        assert row.description == "Slim-fit jeans in détail."
        assert row.attributes == {"season": "SS2016", "gender": "Men"}
        assert data.row(2).sub_category == "TOTE BAGS"
        assert data.picture(1).shape == (256, 256, 3)
        assert data.picture(1).max() == 1
        assert data.owner() == [0, 0, 1]
        assert texts_of(data, data.owner()) == ["Slim-fit jeans in détail.", "A tote."]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"input_category": None}, "no input_category"),
        ({"input_gender": _bytes("Men")}, "different lengths"),
        ({"input_category": np.bytes_("x")}, "one value in input_category"),
        ({"input_image": np.zeros((3, 8, 8, 3))}, "of float64, not"),
        ({"input_image": np.zeros((3, 8, 8), np.uint8)}, "not \\(N, H, W, 3\\) of uint8"),
        ({"input_productID": np.full((3, 1), np.nan)}, "NaN"),
        ({"input_productID": _bytes("a", "b", "c")}, "no number"),
    ],
)
def test_a_fashiongen_file_that_is_not_whole_is_refused(changed, reason, tmp_path: Path):
    """F9"""
    with pytest.raises(WorkshopError, match=reason):
        FashionGen(write_fashiongen(tmp_path, **changed))


def test_a_fashiongen_file_without_pictures_is_refused(tmp_path: Path):
    """F9"""
    said = ("category", "subcategory", "description", "season", "gender")
    changed = {f"input_{name}": np.zeros((0, 1), "S1") for name in said}
    changed |= {"input_image": np.zeros((0, 4, 4, 3), np.uint8), "input_productID": np.zeros(0)}
    with pytest.raises(WorkshopError, match="no pictures"):
        FashionGen(write_fashiongen(tmp_path, **changed))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_fashiongen_file_that_ends_too_early_is_refused(share: float, tmp_path: Path):
    """F9"""
    file = write_fashiongen(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WorkshopError, match="no h5 file"):
        FashionGen(file)


def test_missing_fashiongen_says_where_it_comes_from(tmp_path: Path):
    """F9"""
    pytest.importorskip("h5py", reason="pip install 'edge-tag[fashion]'")
    with pytest.raises(WorkshopError, match="no such file") as found:
        open_fashiongen(tmp_path, "train")
    assert "on request" in found.value.fix
    (tmp_path / "fashiongen_256_256_train.h5").write_bytes(b"junk")
    with pytest.raises(WorkshopError, match="no h5 file"):
        open_fashiongen(tmp_path, "train")


def test_without_h5py_the_pip_line_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """F9"""
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(WorkshopError, match="h5py") as found:
        open_fashiongen(tmp_path, "train")
    assert found.value.fix == "pip install 'edge-tag[fashion]'"


def write_fashioniq(folder: Path) -> None:
    (folder / "captions").mkdir()
    (folder / "image_splits").mkdir()
    for number, part in enumerate(("dress", "shirt", "toptee")):
        pairs = [
            {"candidate": f"{part}A", "target": f"{part}B", "captions": ["is red", "more sleeves"]},
            {"candidate": f"{part}B", "target": f"{part}C", "captions": ["is blue", "no"]},
        ][: 2 - (number == 1)]
        (folder / "captions" / f"cap.{part}.val.json").write_text(json.dumps(pairs))
        names = [f"{part}{letter}" for letter in "ABCDEF"]
        (folder / "image_splits" / f"split.{part}.val.json").write_text(json.dumps(names))


def test_fashioniq_pairs_and_both_galleries(tmp_path: Path):
    """F7"""
    write_fashioniq(tmp_path)
    dress = read_pairs(tmp_path, "dress")
    assert dress[0] == Pair("dressA", "dressB", ("is red", "more sleeves"))
    assert gallery_of(dress) == ["dressA", "dressB", "dressC"]
    assert len(official_gallery(tmp_path, "dress")) == 6


def test_all_is_the_three_together_and_not_shirt(tmp_path: Path):
    """F7"""
    write_fashioniq(tmp_path)
    parts = [read_pairs(tmp_path, part) for part in ("dress", "shirt", "toptee")]
    assert read_pairs(tmp_path, "all") == [pair for part in parts for pair in part]
    assert [len(part) for part in parts] == [2, 1, 2]
    assert len(official_gallery(tmp_path, "all")) == 18


def test_recalls_on_pairs_of_known_vectors(tmp_path: Path):
    """F7: the official gallery is larger, and so R@1 is at most as high."""
    write_fashioniq(tmp_path)
    pairs = read_pairs(tmp_path, "dress")
    names = official_gallery(tmp_path, "dress")
    vectors = np.eye(6, dtype=np.float32)
    queries = np.array([[0, 1, 0, 0, 0, 0], [0, 0, 0.6, 0.8, 0, 0]], np.float32)
    official = recalls_of(queries, vectors, names, pairs)
    assert official == {1: 50.0, 5: 100.0, 10: 100.0, 50: 100.0}
    own = gallery_of(pairs)
    assert recalls_of(queries, vectors[:3], own, pairs)[1] == 100.0
    with pytest.raises(WorkshopError, match="1 targets"):
        recalls_of(queries, vectors[:2], own[:2], pairs)


def test_as_many_vectors_as_pairs_and_names_are_needed(tmp_path: Path):
    """F7: once fewer names than vectors gave a number."""
    write_fashioniq(tmp_path)
    pairs, vectors = read_pairs(tmp_path, "dress"), np.eye(6, dtype=np.float32)
    with pytest.raises(ValueError, match="2 queries and 6 vectors"):
        recalls_of(vectors[:2], vectors, gallery_of(pairs), pairs)


def test_everything_of_fashioniq_is_asked_for_at_once(tmp_path: Path):
    """F7, F9: what is missing is said before hours are spent on the rest."""
    write_fashioniq(tmp_path)
    with pytest.raises(WorkshopError, match=r"dressA\.png: no such picture"):
        check(tmp_path)
    (tmp_path / "images").mkdir()
    for part in ("dress", "shirt", "toptee"):
        for letter in "ABCDEF":
            (tmp_path / "images" / f"{part}{letter}.png").touch()
    check(tmp_path)
    (tmp_path / "image_splits" / "split.toptee.val.json").write_text("[]")
    with pytest.raises(WorkshopError, match=r"split\.toptee\.val\.json: an empty list"):
        check(tmp_path)


def test_missing_fashioniq_is_said_by_file(tmp_path: Path):
    """F9"""
    with pytest.raises(WorkshopError, match=r"cap\.shirt\.val\.json") as found:
        read_pairs(tmp_path, "shirt")
    assert "fashion-iq" in found.value.fix
    with pytest.raises(WorkshopError, match=r"B00.*png"):
        picture_file(tmp_path, "B00")
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "cap.shirt.val.json").write_text("[{}]")
    with pytest.raises(WorkshopError, match="does not parse"):
        read_pairs(tmp_path, "shirt")
