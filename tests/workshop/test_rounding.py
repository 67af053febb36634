"""Weights on the int8 grid: what rounding shifts, the bias takes back."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.export import folded  # noqa: E402
from quantize.rounding import on_grid, rounded  # noqa: E402
from quantize.students import normalise  # noqa: E402
from tests.workshop.test_students import lively, pictures  # noqa: E402


def test_every_channel_has_at_most_255_levels_and_keeps_its_largest() -> None:
    weight = torch.randn(4, 300, generator=torch.Generator().manual_seed(0))
    found = on_grid(weight)
    for before, after in zip(weight, found):
        step = before.abs().max() / 127
        assert torch.allclose(after / step, (after / step).round(), atol=1e-3)
        assert torch.isclose(after.abs().max(), before.abs().max())
        assert (after - before).abs().max() <= step / 2 + 1e-6


def test_a_dead_channel_stays_dead() -> None:
    assert torch.equal(on_grid(torch.zeros(2, 3, 3, 3)), torch.zeros(2, 3, 3, 3))


@torch.no_grad()
def test_corrected_means_are_the_exact_ones_and_the_embedding_is_nearer() -> None:
    student = folded(lively())
    first = student.convolutions()[1].conv  # a kernel that cancels a large, constant input
    first.weight.data += 40
    first.bias.data -= 40 * 3
    pixels = pictures(12)
    x = normalise(pixels)
    wanted = student(x)
    fixed = rounded(student, pixels)
    found = fixed(x)
    for name in student.heads:
        assert torch.allclose(found[name].mean(0), wanted[name].mean(0), atol=1e-3), name
    plain = folded(lively())
    plain.load_state_dict(student.state_dict())
    for conv in plain.convolutions():
        conv.conv.weight.data = on_grid(conv.conv.weight.data)
    naive = (plain(x)["embedding"] - wanted["embedding"]).square().mean()
    assert (found["embedding"] - wanted["embedding"]).square().mean() < naive
