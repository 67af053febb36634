"""Students and pictures for tests."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize import students  # noqa: E402

HEADS = {"clothes": 4, "tags": 1000}


def lively(seed: int = 0, name: str = "mobilenet_v2") -> students.Student:
    """A student whose batch norms all say something."""
    torch.manual_seed(seed)
    student = students.Student(HEADS, name)
    for conv in student.convolutions():
        torch.nn.init.uniform_(conv.norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(conv.norm.bias, -0.5, 0.5)
        conv.norm.running_mean.uniform_(-0.5, 0.5)
        conv.norm.running_var.uniform_(0.5, 1.5)
    return student.eval()


def pictures(count: int, side: int = 64) -> torch.Tensor:
    """(count, side, side, 3) uint8, random."""
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, side, side, 3), generator=draw, dtype=torch.uint8)
