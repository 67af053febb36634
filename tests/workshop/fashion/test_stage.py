"""F1, F2, F3: `edge-quantize fashion`, from a file in the published layout to a device's files."""

from __future__ import annotations

import json
import warnings
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
for package in ("onnxscript", "onnxslim"):
    pytest.importorskip(package, reason="pip install 'edge-tag[quantize]'")

from edge.engines import open_engine  # noqa: E402
from edge.heads.text_vectors import read_text_vectors  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.stages.fashion import read_captions  # noqa: E402
from tests.workshop.fashion.synthetic import Plan, random_state, write  # noqa: E402
from tests.workshop.fashion.test_readers import write_fashiongen  # noqa: E402
from tests.workshop.fashion.words import write_vocabulary  # noqa: E402

PLAN = Plan("retrieval", side=48, depth=2, joint=16)


def flags(folder: Path, plan: Plan = PLAN) -> list[str]:
    checkpoint = write(random_state(plan), folder / "a.pth", 10)
    vocabulary = write_vocabulary(folder, plan.vocabulary)
    (folder / "captions.txt").write_text("7\tRed shirt.\n\n8\tBlue dress.\nA jacket\n")
    return ["fashion", "--checkpoint", str(checkpoint), "--vocabulary", str(vocabulary),
            "--heads", str(plan.heads), "--texts", str(folder / "captions.txt"),
            "--engines", "onnxruntime", "--out", str(folder / "out")]  # fmt: skip


def write_pictures(folder: Path, count: int = 15) -> Path:
    (folder / "pictures").mkdir()
    draw = np.random.default_rng(0)
    for i in range(count):
        coarse = draw.integers(0, 256, (6, 6, 3), np.uint8)
        cv2.imwrite(str(folder / "pictures" / f"{i}.png"), coarse.repeat(12, 0).repeat(12, 1))
    return folder / "pictures"


def test_a_published_file_becomes_a_tower_and_text_vectors(tmp_path: Path, capsys) -> None:
    """F1, F2, F3"""
    asked = [*flags(tmp_path), "--images", str(write_pictures(tmp_path)), "--count", "15",
             "--towers"]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(asked) == 0
    said = capsys.readouterr().out
    assert "3 texts" in said
    assert "cosine" in said
    assert "tower: text.onnx" in said
    assert (tmp_path / "out" / "text.onnx").stat().st_size > 10_000
    assert not (tmp_path / "out" / "query.onnx").exists()  # this file has no text-guided search
    texts = read_text_vectors(tmp_path / "out" / "texts.edgetext")
    assert texts.header.texts == ("Red shirt.", "Blue dress.", "A jacket")
    assert texts.header.ids == ("7", "8", "")
    for precision in ("float", "int8"):
        files = [(tmp_path / "out" / precision / "student.onnx").read_bytes()]
        with closing(open_engine("onnxruntime", files, threads=1)) as engine:
            [vectors] = engine.run(np.zeros((2, 48, 48, 3), np.uint8)).values()
        assert vectors.shape == (2, 16)
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 0.02
        assert len(texts.nearest(vectors[0], 2)) == 2
    result = json.loads((tmp_path / "out" / "recipe.json").read_text())["result"]
    assert result["int8"]["kept"]["onnxruntime"]
    assert result["dropped"] > 100
    assert main(asked) == 0  # done already


def test_a_category_file_is_measured_and_has_no_artifacts(tmp_path: Path, capsys) -> None:
    """F6"""
    asked = flags(tmp_path, PLAN._replace(kind="category", classes=48))
    (tmp_path / "gen").mkdir()
    write_fashiongen(tmp_path / "gen")
    assert main([*asked, "--fashiongen", str(tmp_path / "gen")]) == 0
    assert "macro_f" in capsys.readouterr().out
    assert not (tmp_path / "out" / "float").exists()
    assert main(asked) == 2  # what was measured was asked for
    assert "begun with fashiongen" in capsys.readouterr().err


def test_missing_sets_are_said(tmp_path: Path, capsys) -> None:
    """F9"""
    assert main([*flags(tmp_path), "--fashioniq", str(tmp_path)]) == 2
    assert "cap.dress.val.json" in capsys.readouterr().err


def test_a_category_file_has_no_vectors(tmp_path: Path, capsys) -> None:
    assert main(flags(tmp_path, PLAN._replace(kind="category"))) == 2
    assert "no vectors" in capsys.readouterr().err


def test_a_caption_ends_with_its_line(tmp_path: Path) -> None:
    """U+2028, which shops have in their texts, had made two captions of one."""
    file = tmp_path / "captions.txt"
    file.write_text("7\tRed\u2028shirt.\r\n8\tBlue dress.", "utf-8")
    assert read_captions(file) == (["7", "8"], ["Red\u2028shirt.", "Blue dress."])


def test_captions_that_are_none_are_refused(tmp_path: Path, capsys) -> None:
    asked = flags(tmp_path)
    (tmp_path / "captions.txt").write_text("\n")
    assert main(asked) == 2
    assert "no captions" in capsys.readouterr().err
