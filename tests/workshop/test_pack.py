"""Packing: a bundle's counter only grows."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.bundle import open_bundle
from quantize.stages import _next_counter


def test_the_next_counter_is_one_more_than_the_bundle_has(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with open_bundle(tiny_bundle) as bundle:
        assert _next_counter(tiny_bundle) == bundle.manifest.counter + 1
    assert _next_counter(tmp_path / "new") == 1
