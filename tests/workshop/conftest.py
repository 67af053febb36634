"""A glance small enough to learn in a test, by way of the stages' own command line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def glance_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with `student`, `images`, `photos` and what the stage `glance` made of them: `glance`.

    Do not change it.
    """
    pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
    from tests.workshop.glance import tiny_glance

    with pytest.MonkeyPatch.context() as patch:
        tiny_glance.known(patch)
        yield tiny_glance.learned(tmp_path_factory.mktemp("glance"))


@pytest.fixture(scope="session")
def glance_int8(glance_folder: Path) -> Path:
    """What the stage `quantize-glance` makes of it, for every engine. Do not change it."""
    for package in ("onnxscript", "openvino", "litert_torch"):
        pytest.importorskip(package, reason="pip install 'edge-tag[quantize]'")
    from tests.workshop.glance import tiny_glance

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converters warn about one another's future
        return tiny_glance.quantised(glance_folder / "glance", glance_folder / "int8")
