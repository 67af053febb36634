"""Stage `vocabulary`: vectors become what the device takes, or a line says why not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import save_file

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.bundle import open_bundle  # noqa: E402
from edge.heads.vocabulary import read_vocabulary  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.texts.towers import open_clip_vectors  # noqa: E402

RED, BLUE = np.array([2, 0, 0], np.float32), np.array([0, 0, 3], np.float32)


def run(tmp_path: Path, bundle: Path, *args: object) -> int:
    return main(
        ["vocabulary", "--bundle", str(bundle), "--out", str(tmp_path / "v"), *map(str, args)]
    )


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_vector_a_tag(tmp_path: Path, tiny_bundle: Path, suffix: str) -> None:
    path = tmp_path / f"texts.{suffix}"
    if suffix == "npz":
        np.savez(path, red=RED, blue=BLUE)
    else:
        save_file({"red": RED, "blue": BLUE}, path)
    assert run(tmp_path, tiny_bundle, "--texts", path, "--answers", "multilabel") == 0
    with open_bundle(tiny_bundle) as bundle:
        one = read_vocabulary(tmp_path / "v", bundle)
    found = {tag: vector.tolist() for (tag, _), vector in zip(one.header.tags, one.vectors)}
    assert found == {"red": [1, 0, 0], "blue": [0, 0, 1]}
    assert one.header.embedding is None


def test_a_matrix_beside_its_tags_and_a_projection(tmp_path: Path, tiny_bundle: Path) -> None:
    np.savez(tmp_path / "m.npz", texts=np.eye(2, dtype=np.float32))
    np.savez(tmp_path / "p.npz", projection=np.ones((3, 2), np.float32))
    (tmp_path / "tags.txt").write_text("red\twarm\nblue\n", "utf-8")
    args = ("--texts", tmp_path / "m.npz", "--tags", tmp_path / "tags.txt")
    assert run(tmp_path, tiny_bundle, *args, "--projection", tmp_path / "p.npz") == 0
    with open_bundle(tiny_bundle) as bundle:
        one = read_vocabulary(tmp_path / "v", bundle)
    assert one.header.tags == (("red", "warm"), ("blue", None))
    assert one.projection is not None
    assert one.header.embedding is not None  # it was fitted for this network


@pytest.mark.parametrize(
    ("arrays", "more", "says"),
    [
        ({"a": np.ones(5, np.float32)}, [], "vectors of 5 numbers, expected 3"),
        ({"a": RED, "b": np.ones(5, np.float32)}, [], "expected one size for all"),
        ({"a": np.zeros(3, np.float32)}, [], "a vector of zeros"),
        ({"a": np.array([np.nan, 0, 0], np.float32)}, [], "NaN among them"),
        ({"m": np.eye(3, dtype=np.float32)}, [], "a tag for each row"),
        ({"a": RED, "b": BLUE}, ["--tags"], "no vector for 'zebra'"),
        ({"a": np.array([None, 1], object)}, [], "cannot be read"),
    ],
    ids=range(7),
)
def test_texts_that_do_not_fit_are_refused(
    tmp_path: Path,
    tiny_bundle: Path,
    capsys: pytest.CaptureFixture[str],
    arrays: dict[str, np.ndarray],
    more: list[str],
    says: str,
) -> None:
    np.savez(tmp_path / "t.npz", **arrays)
    (tmp_path / "tags.txt").write_text("a\nzebra\n", "utf-8")
    tags = [*more, tmp_path / "tags.txt"] if more else []
    assert run(tmp_path, tiny_bundle, "--texts", tmp_path / "t.npz", *tags) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "v").exists()


def test_a_tower_without_weights_says_so(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tags.txt").write_text("red\n", "utf-8")
    tags = ("--tags", tmp_path / "tags.txt")
    assert run(tmp_path, tiny_bundle, "--open-clip", "ViT-B-32", *tags) == 2
    assert "--weights FILE" in capsys.readouterr().err
    assert run(tmp_path, tiny_bundle, "--transformers", tmp_path, *tags) == 2
    assert "no config.json" in capsys.readouterr().err


def test_a_tower_of_open_clip_does_not_answer_as_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its package is not here: a tower of the same form, whose dropout hides everything."""

    class Tower(torch.nn.Dropout):
        def encode_text(self, rows: torch.Tensor) -> torch.Tensor:
            return self(rows)

    package = ModuleType("open_clip")
    package.create_model_and_transforms = lambda *_, **__: (Tower(1.0), None, None)
    package.get_tokenizer = lambda _: lambda lines: torch.eye(len(lines))
    monkeypatch.setitem(sys.modules, "open_clip", package)
    (tmp_path / "w.pt").touch()
    found = open_clip_vectors("ViT", tmp_path / "w.pt", ["red", "blue"], ["a {}"])
    assert found.tolist() == [[1, 0], [0, 1]]
