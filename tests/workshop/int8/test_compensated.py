"""Errors of rounding that cancel on what a layer reads."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from torch import nn  # noqa: E402

from quantize.int8.compensated import compensated  # noqa: E402
from quantize.int8.rounding import step_of  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402

SHAPES = {
    "dense": (lambda: nn.Conv2d(24, 20, 1), (64, 24, 4, 4)),
    "strided": (lambda: nn.Conv2d(24, 20, 3, stride=2, padding=1), (16, 24, 9, 9)),
    "depthwise": (lambda: nn.Conv2d(24, 24, 3, padding=1, groups=24), (16, 24, 8, 8)),
    "groups of two": (lambda: nn.Conv2d(24, 20, 3, groups=2), (16, 24, 8, 8)),
    "matrix": (lambda: nn.Linear(24, 20), (256, 24)),
    "matrix of tokens": (lambda: nn.Linear(24, 20), (32, 7, 24)),
}


def read(shape: tuple[int, ...]) -> torch.Tensor:
    """Channels that follow one another, and places that follow their neighbours."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=draw)
    if len(shape) == 4:
        x = x / 3 + nn.functional.avg_pool2d(x, 3, 1, 1)
    across = 1 if len(shape) == 4 else -1
    return x + 4 * x.mean(across, keepdim=True) + 3


@pytest.mark.parametrize("name", SHAPES)
@torch.no_grad()
def test_weights_lie_on_the_grid_and_what_is_computed_is_nearer(name: str) -> None:
    make, shape = SHAPES[name]
    torch.manual_seed(0)  # of the weights
    layer = make()
    x, exact, step = read(shape), layer.weight.clone(), step_of(layer.weight)
    found = compensated(layer, x, step)
    assert torch.equal(layer.weight, exact), "the layer itself is left alone"
    levels = found / step
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert torch.allclose(step_of(found), step), "an engine would take another step"
    wanted = layer(x)
    errors = []
    for weight in (found, tiny.on_grid(exact)):
        layer.weight.data = weight
        off = layer(x) - wanted
        axes = [0, 2, 3] if off.dim() == 4 else list(range(off.dim() - 1))
        errors.append((off - off.mean(axes, keepdim=True)).square().mean())  # the bias has the rest
    layer.weight.data = exact
    assert errors[0] < errors[1]


@torch.no_grad()
def test_a_channel_that_nothing_feeds_and_a_dead_kernel_do_no_harm() -> None:
    layer = nn.Conv2d(3, 2, 1)
    layer.weight[1] = 0
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    x[:, 2] = 0
    found = compensated(layer, x, step_of(layer.weight))
    assert torch.isfinite(found).all()
    assert not found[1].any()
