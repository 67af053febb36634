"""Weights on the int8 grid before any engine rounds them, and biases that make up for it.

Rounding a kernel shifts the mean of what it computes by the error times the mean of its input: a
lot where the input hardly moves, as behind a ReLU6 that is nearly always full. The shift is
constant, so the bias can take it back (bias correction, Nagel et al. 2019, arXiv:1906.04721, here
measured on pictures). What is left of the errors cancels as far as it can (compensated.py). Every
quantiser then finds weights that lie on their grid already.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from quantize.int8.compensated import compensated
from quantize.int8.layers import Layer, axis_of, by_channel, layers
from quantize.students import Network, normalise

PICTURES = 128  # enough for a mean; all of them wait in memory at once
LEVELS = 127  # symmetric int8, as all three engines have it


def step_of(weight: Tensor) -> Tensor:
    """Largest weight of each output channel / 127, shaped to be divided by."""
    step = weight.abs().amax(tuple(range(1, weight.dim())), keepdim=True) / LEVELS
    return step.clamp(min=1e-12)  # a dead channel stays dead


@torch.no_grad()
def rounded(student: Network, pixels: Tensor) -> Network:
    """A copy of a folded student with weights on the grid and corrected biases.

    pixels: (N, H, W, 3) uint8, what the means are measured on; the first PICTURES are used.
    """
    x = normalise(pixels[:PICTURES])
    named = layers(student, x[:1])
    wanted = _watch(student, named, x, lambda name, out: _mean(named[name], out))
    exact = copy.deepcopy(student)
    mine = layers(exact, x[:1])
    for layer in mine.values():
        if layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.weight.shape[0]))
    hooks = [layer.register_forward_pre_hook(_round) for layer in mine.values()]

    def correct(name: str, out: Tensor) -> Tensor:
        return wanted[name] - _mean(mine[name], out)

    # One pass, first layer to last: each one reads what rounded and corrected layers give.
    _watch(exact, mine, x, correct, is_correction=True)
    for hook in hooks:
        hook.remove()
    return exact


def _round(layer: Any, ins: tuple[Tensor, ...]) -> None:
    layer.weight.data = compensated(layer, ins[0], step_of(layer.weight.data))


def _mean(layer: Layer, out: Tensor) -> Tensor:
    """What a layer gave -> (C,), of each of its outputs."""
    return out.mean([d for d in range(out.dim()) if d != axis_of(layer, out)])


def _watch(
    student: Network,
    named: Mapping[str, Layer],
    x: Tensor,
    look: Callable[[str, Tensor], Tensor],
    is_correction: bool = False,
) -> dict[str, Tensor]:
    """Run `x`, give every layer's output to `look`, and add what it returns where it corrects."""
    found: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[[Any, Any, Tensor], Tensor | None]:
        def seen(layer: Any, _: Any, out: Tensor) -> Tensor | None:
            found[name] = look(name, out)
            if not is_correction:
                return None
            layer.bias.data += found[name]
            return out + by_channel(found[name], layer, out)

        return seen

    hooks = [layer.register_forward_hook(hook(name)) for name, layer in named.items()]
    student(x)
    for one in hooks:
        one.remove()
    return found
