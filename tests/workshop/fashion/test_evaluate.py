"""F5, F6, F7: a checkpoint on the sets it was published for, here sets of a few pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.fashion import evaluate  # noqa: E402
from quantize.fashion.fashiongen import FashionGen  # noqa: E402
from tests.workshop.fashion.test_opened import opened  # noqa: E402
from tests.workshop.fashion.test_readers import write_fashiongen, write_fashioniq  # noqa: E402


@pytest.fixture
def data(tmp_path: Path):
    with FashionGen(write_fashiongen(tmp_path)) as found:
        yield found


def test_retrieval_both_ways(data: FashionGen, tmp_path: Path) -> None:
    """F5: equal to ranks counted on the vectors; too few products for 101 candidates."""
    fashion = opened("retrieval", tmp_path)
    found = evaluate.retrieval(fashion, data)
    pictures = evaluate.picture_vectors(fashion, data)
    texts = fashion.text_vectors(["Slim-fit jeans in détail.", "A tote."])
    right = [(pictures[i] @ texts.T).argmax() == text for i, text in enumerate((0, 0, 1))]
    assert found["full"]["image to text"][1] == pytest.approx(100 * sum(right) / 3)
    assert found["full"]["text to image"][5] == 100.0
    assert "among 101" not in found


def test_categories_with_text_and_from_the_picture_alone(data: FashionGen, tmp_path: Path) -> None:
    """F6: reported apart."""
    by_both = evaluate.categories(opened("category", tmp_path, classes=48), data)
    by_picture = evaluate.retrieval(opened("retrieval", tmp_path), data)["by picture alone"]
    for found in (by_both, by_picture["category"], by_picture["sub category"]):
        assert found["unknown"] == 0
        assert 0 <= found["accuracy"] <= 1


def test_sub_categories_go_by_the_longer_list(data: FashionGen, tmp_path: Path) -> None:
    """F6"""
    found = evaluate.categories(opened("category", tmp_path, classes=121), data)
    assert found["unknown"] == 0


@pytest.mark.parametrize("part", ["dress", "all"])
def test_changed_pictures_are_looked_for_in_both_galleries(part, tmp_path: Path) -> None:
    """F7"""
    write_fashioniq(tmp_path)
    (tmp_path / "images").mkdir()
    draw = np.random.default_rng(0)
    for name in (f"{p}{letter}" for p in ("dress", "shirt", "toptee") for letter in "ABCDEF"):
        picture = draw.integers(0, 256, (20, 15, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), picture)
    fashion = opened("tgir", tmp_path)
    pairs, official = (
        evaluate.changed(fashion, tmp_path, part, official=is_official)
        for is_official in (False, True)
    )
    assert pairs[50] == official[50] == 100.0
    assert pairs[1] >= official[1]
    (tmp_path / "images" / "dressA.png").unlink()
    with pytest.raises(WorkshopError, match=r"dressA\.png"):
        evaluate.changed(fashion, tmp_path, part, official=False)
