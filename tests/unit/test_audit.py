"""What `edge-tag check` finds of a bundle with a glance and of one without."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace

from edge.bundle.audit import audit
from edge.bundle.write import write_bundle
from edge.errors import CheckFailed
from edge.process import Stop
from edge.verbs import check
from tests.tiny import tiny_parts, with_glance


def answers(folder) -> dict[str, tuple[str, str]]:
    """Of the engines: what -> answer and words."""
    return {f.what: (f.answer, f.found) for f in audit(str(folder)) if f.is_golden}


def test_a_bundle_without_a_glance_is_whole(tiny_bundle):
    assert answers(tiny_bundle) == {"null/int8": ("yes", "gives the golden answers, has no glance")}


def test_a_glance_is_asked_too(tmp_path):
    write_bundle(tmp_path / "b", *with_glance(*tiny_parts()))
    found = answers(tmp_path / "b")
    assert found == {"null/int8": ("yes", "gives the golden answers, and so does the glance")}
    hashed = [f.what for f in audit(str(tmp_path / "b")) if not f.is_golden]
    assert {"glance/tiny.json", "glance/golden.png"} <= set(hashed)


def test_a_check_that_is_stopped_has_no_answer(tiny_bundle):
    stop = Stop()
    stop.is_set = True
    with pytest.raises(CheckFailed, match="stopped before its end"):
        check.main(check.parsed([str(tiny_bundle)]), io.BytesIO(), stop)


def test_a_glance_that_answers_otherwise_is_found(tmp_path):
    files, manifest = with_glance(*tiny_parts())
    assert manifest.glance is not None
    [artifact] = manifest.glance.artifacts
    cells = [
        replace(cell, heat={k: 1 - p for k, p in cell.heat.items()}) for cell in artifact.golden
    ]
    glance = replace(manifest.glance, artifacts=(replace(artifact, golden=tuple(cells)),))
    write_bundle(tmp_path / "b", files, replace(manifest, glance=glance))
    [(answer, words)] = answers(tmp_path / "b").values()
    assert answer == "NO"
    assert "glance of null/int8" in words
