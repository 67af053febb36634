"""The tiny student by its name, learned once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("onnxscript", reason="pip install 'edge-tag[quantize]'")

import cv2  # noqa: E402

from quantize.cli import main  # noqa: E402
from quantize.students import Student, inverted, load, table  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            table.STUDENTS, tiny.NAME, lambda: (inverted.backbone(tiny.PLAN), tiny.PLAN.embedding)
        )
        yield


@pytest.fixture(scope="session")
def trained(_known: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `finetune` would have left."""
    torch.set_num_threads(1)
    return tiny.stored(tiny.learned(), tmp_path_factory.mktemp("trained") / "student")


@pytest.fixture(scope="session")
def student(trained: Path) -> Student:
    """As it was stored. Do not change it: `copy.deepcopy` first."""
    return load(trained / "student.safetensors")[0].eval()


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 pictures in class folders, to calibrate with."""
    folder = tmp_path_factory.mktemp("images")
    pictures, things, _ = tiny.drawn(120, seed=5)
    for i, (picture, thing) in enumerate(zip(pictures, things)):
        file = folder / "train" / tiny.THINGS[thing] / f"{i:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.ascontiguousarray(picture[..., ::-1]))
    return folder


@pytest.fixture(scope="session")
def exported(trained: Path, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `edge-quantize export` writes of it, for all engines. Do not change it."""
    out = tmp_path_factory.mktemp("exported") / "float"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main_of(["export", "--student", str(trained), "--images", str(images), "--out", str(out)])
    return out


@pytest.fixture(scope="session")
def quantised(exported: Path, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage `quantize` on ONNX Runtime alone. Do not change it."""
    out = tmp_path_factory.mktemp("quantised") / "int8"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main_of(["quantize", "--float", str(exported), "--images", str(images), "--out", str(out),
                 "--engines", "onnxruntime", "--pictures", "90", *tiny.FAST])  # fmt: skip
    return out


def main_of(args: list[str]) -> None:
    """`edge-quantize`, in this process."""
    assert main(args) == 0
