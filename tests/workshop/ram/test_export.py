"""R13, R14: ONNX files, right at every batch, with the label matrix once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
runtime = pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram import export  # noqa: E402
from quantize.ram.checkpoint import load  # noqa: E402
from quantize.ram.export import to_onnx  # noqa: E402
from quantize.ram.labels import LabelRows, with_labels  # noqa: E402
from quantize.ram.tagger import Tagger  # noqa: E402
from tests.workshop.ram.synthetic import Plan, pictures, random_state, write  # noqa: E402


def difference(tagger: Tagger, file: Path, image: torch.Tensor) -> float:
    """The largest over logits and embeddings at batch 1, 2, 3, 5."""
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = [t.numpy() for t in tagger(image)]
    worst = 0.0
    for batch in (1, 2, 3, 5):
        got = session.run(["logits", "embedding"], {"image": image[:batch].numpy()})
        assert got[0].shape == (batch, len(tagger.counts))
        worst = max(worst, *(float(np.abs(g - w[:batch]).max()) for g, w in zip(got, wanted)))
    return worst


def test_ram_plus_is_right_at_every_batch_and_stores_its_labels_once(tmp_path: Path) -> None:
    """R13, R14"""
    plan = Plan("ram++", tags=200, rows=51, words=128)
    tagger, _ = load(write(random_state(plan), tmp_path / "a.pth"))
    told = to_onnx(tagger, 96, tmp_path / "a.onnx")
    assert difference(tagger, tmp_path / "a.onnx", pictures(plan, 5)) < 1e-4
    imports = onnx.load(tmp_path / "a.onnx").opset_import
    assert [told.opset] == [row.version for row in imports]
    assert told.bytes == (tmp_path / "a.onnx").stat().st_size
    weights = 4 * sum(p.numel() for p in tagger.parameters())
    labels = 4 * tagger.label_embed.numel()
    assert labels > 0.2 * weights, "stored twice, it would not show"
    assert (tmp_path / "a.onnx").stat().st_size < 1.05 * weights
    with pytest.raises(WorkshopError, match="192 px, expected 96 px"):
        to_onnx(tagger, 192, tmp_path / "b.onnx")


def test_weights_beside_the_file_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "LARGEST", 0)
    tagger, _ = load(write(random_state(Plan("ram")), tmp_path / "a.pth"))
    told = to_onnx(tagger, 96, tmp_path / "a.onnx")
    files = (tmp_path / "a.onnx", tmp_path / "a.onnx.data")
    assert told.bytes == sum(file.stat().st_size for file in files)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ram", "tag2text"])
def test_the_others_are_right_at_every_batch(kind: str, tmp_path: Path) -> None:
    """R13"""
    plan = Plan(kind)
    tagger, _ = load(write(random_state(plan), tmp_path / "a.pth"))
    to_onnx(tagger, 96, tmp_path / "a.onnx")
    assert difference(tagger, tmp_path / "a.onnx", pictures(plan, 5)) < 1e-4
    weights = 4 * sum(p.numel() for p in tagger.parameters())
    assert (tmp_path / "a.onnx").stat().st_size < 1.05 * weights
    assert tagger.known is None if kind == "ram" else True, "the tagger itself is left alone"


@pytest.mark.slow
def test_tags_with_unequal_descriptions_export_too(tmp_path: Path) -> None:
    """R9, R14"""
    plan = Plan("ram++")
    tagger, _ = load(write(random_state(plan), tmp_path / "a.pth"), tags=plan.tags)
    counts = (3, 90, 3, 1, 90)
    rows = torch.randn(sum(counts), plan.words, generator=torch.Generator().manual_seed(4))
    tagger = with_labels(tagger, LabelRows(tuple("abcde"), counts, rows, {}))
    to_onnx(tagger, 96, tmp_path / "a.onnx")
    assert difference(tagger, tmp_path / "a.onnx", pictures(plan, 5)) < 1e-4
