"""Weights on the int8 grid: what rounding shifts, the bias takes back."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.export import folded  # noqa: E402
from quantize.int8.fake import faked  # noqa: E402
from quantize.int8.layers import layers  # noqa: E402
from quantize.int8.rounding import rounded  # noqa: E402
from quantize.students import Student, normalise  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402


def test_every_channel_has_at_most_255_levels_and_keeps_its_largest() -> None:
    weight = torch.randn(4, 300, generator=torch.Generator().manual_seed(0))
    found = tiny.on_grid(weight)
    for before, after in zip(weight, found):
        step = before.abs().max() / 127
        assert torch.allclose(after / step, (after / step).round(), atol=1e-3)
        assert torch.isclose(after.abs().max(), before.abs().max())
        assert (after - before).abs().max() <= step / 2 + 1e-6


def test_a_dead_channel_stays_dead() -> None:
    assert torch.equal(tiny.on_grid(torch.zeros(2, 3, 3, 3)), torch.zeros(2, 3, 3, 3))


@torch.no_grad()
def test_corrected_means_are_the_exact_ones_and_the_embedding_is_nearer(student: Student) -> None:
    flat = folded(student)
    cancelling = flat.convolutions()[1].conv  # a kernel that cancels a large, constant input
    cancelling.weight.data += 40
    cancelling.bias.data -= 40 * 3
    pixels = torch.from_numpy(tiny.drawn(24, 1)[0])
    x = normalise(pixels)
    wanted = flat(x)
    found = rounded(flat, pixels)(x)
    for name in flat.heads:
        assert torch.allclose(found[name].mean(0), wanted[name].mean(0), atol=1e-3), name
    naive = copy.deepcopy(flat)
    for layer in layers(naive, x[:1]).values():
        layer.weight.data = tiny.on_grid(layer.weight.data)
    off = [(got["embedding"] - wanted["embedding"]).square().mean() for got in (found, naive(x))]
    assert off[0] < off[1]


def test_the_student_that_was_given_is_left_alone(student: Student) -> None:
    flat = folded(student)
    before = copy.deepcopy(flat.state_dict())
    rounded(flat, torch.from_numpy(tiny.drawn(4, 1)[0]))
    assert all(torch.equal(before[key], value) for key, value in flat.state_dict().items())


class OnMap(torch.nn.Module):
    """A matrix at every place of a map, channels last, as in ConvNeXt and EdgeNeXt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = torch.nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.matrix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_a_matrix_on_a_map_is_rounded_and_its_bias_corrected() -> None:
    """Its output has four axes and its channels last: a size that did not match ended the stage."""
    torch.manual_seed(0)
    flat = folded(Student(tiny.HEADS, tiny.NAME)).eval()
    flat.backbone = torch.nn.Sequential(flat.backbone, OnMap(64))
    pixels = torch.from_numpy(tiny.drawn(8, 3)[0])
    x = normalise(pixels)
    rough, grids = faked(flat, x)
    assert "backbone.1.matrix" in grids
    before, seen = flat(x)["embedding"], rounded(flat, pixels)(x)["embedding"]
    assert (seen.mean(0) - before.mean(0)).abs().max() < 1e-5  # what the bias is for
    assert rough(x)["embedding"].shape == before.shape
