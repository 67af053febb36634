"""F3: the text tower and the fusion tower as ONNX, at any batch and any length."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
for package in ("onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason="pip install 'edge-tag[quantize]'")

import onnxruntime as rt  # noqa: E402

from quantize.fashion.checkpoint import load  # noqa: E402
from quantize.fashion.export import query_to_onnx, text_to_onnx  # noqa: E402
from tests.workshop.fashion.synthetic import (  # noqa: E402
    Plan,
    pictures,
    random_state,
    texts,
    write,
)

LENGTHS = [[6], [10, 3], [4, 4, 9]]  # tokens of each text, batch 1 to 3
PLANS = [Plan("retrieval", depth=1, layers=2, fused_from=1), Plan("tgir", depth=1, layers=2,
                                                                  fused_from=1)]  # fmt: skip


@pytest.mark.parametrize("plan", PLANS, ids=["text", "query"])
def test_towers_compute_the_same_in_onnx(plan: Plan, tmp_path: Path) -> None:
    """F3: batch 1, 2, 3; texts of 3 to 10 tokens; padded to 20 the vector stays."""
    network, _ = load(write(random_state(plan), tmp_path / "a.pth"), heads=plan.heads)
    is_text = plan.kind == "retrieval"
    (text_to_onnx if is_text else query_to_onnx)(network, tmp_path / "a.onnx")
    session = rt.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    for lengths in LENGTHS:
        ids, mask = texts(plan, lengths)
        image = pictures(plan, len(lengths))
        exact = (network.text_vectors(ids, mask) if is_text
                 else network.query_vectors(image, ids, mask))  # fmt: skip
        for extra in (0, 20 - ids.shape[1]):
            fed = {"ids": _padded(ids, extra), "mask": _padded(mask, extra)}
            fed |= {} if is_text else {"image": image.numpy()}
            [got] = session.run(["vector"], fed)
            assert abs(got - exact.numpy()).max() < 1e-5


def _padded(rows, extra: int):
    return torch.nn.functional.pad(rows, (0, extra)).numpy()
