"""The check that needs a GPU: skipped in words without one, and its comparison is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from devices import check_cuda  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_is_skipped_with_that_reason(tmp_path):
    command = [sys.executable, "-m", "devices.check_cuda", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 5
    assert "skipped" in done.stderr
    assert "sees no GPU" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_networks_answer_alike_on_the_device_they_are_on():
    """The whole torch part, on the CPU twice: it runs, and finds no difference."""
    rows = list(check_cuda.torch_rows("cpu"))
    assert len(rows) == len(check_cuda.KINDS) + len(check_cuda.STUDENTS)
    assert [row.difference for row in rows] == [0.0] * len(rows)


@pytest.mark.parametrize("off", [0.002, float("nan")])
def test_what_differs_is_not_alike(off):
    cpu = {"logits": np.array([[1.0, -2.0]], np.float32), "embedding": np.ones((1, 3), np.float32)}
    gpu = cpu | {"embedding": cpu["embedding"] + np.float32(off)}
    assert check_cuda.row("x", cpu, cpu).is_alike
    assert not check_cuda.row("x", cpu, gpu).is_alike


@pytest.mark.slow
def test_an_engine_answers_alike_too():
    assert check_cuda.engine_row("CPU").difference == 0


def test_a_provider_that_is_not_here_is_an_error(monkeypatch):
    """Not the CPU in its place."""
    from edge.errors import ProviderUnavailable

    if "CUDAExecutionProvider" in pytest.importorskip("onnxruntime").get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    model = (ROOT / "edge/bundles/default/int8/student.onnx").read_bytes()
    monkeypatch.setattr(check_cuda, "to_onnx", lambda made, side, file: file.write_bytes(model))
    monkeypatch.setattr(check_cuda, "SIDE", 224)
    with pytest.raises(ProviderUnavailable, match="no provider CUDA"):
        check_cuda.engine_row("CUDA")
