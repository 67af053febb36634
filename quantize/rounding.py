"""Weights on the int8 grid before any engine rounds them, and biases that make up for it.

Rounding a kernel shifts the mean of what it computes by the error times the mean of its input: a
lot where the input hardly moves, as behind a ReLU6 that is nearly always full. The shift is
constant, so the bias can take it back (bias correction, Nagel et al. 2019, arXiv:1906.04721, here
measured on pictures). Both quantisers then find weights that lie on their grid already.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from quantize.students import Student, normalise

PICTURES = 128  # enough for a mean; all of them wait in memory at once
LEVELS = 127  # symmetric int8, as onnxruntime and LiteRT have it


def on_grid(weight: Tensor) -> Tensor:
    """Each output channel rounded to a multiple of its largest weight / 127."""
    step = weight.abs().amax(tuple(range(1, weight.dim())), keepdim=True) / LEVELS
    step = step.clamp(min=1e-12)  # a dead channel stays dead
    return (weight / step).round() * step


@torch.no_grad()
def rounded(student: Student, pixels: Tensor) -> Student:
    """A copy of a folded student with weights on the grid and corrected biases.

    pixels: (N, H, W, 3) uint8, what the means are measured on; the first PICTURES are used.
    """
    x = normalise(pixels[:PICTURES])
    wanted = _watch(student, x, lambda _, out: _mean(out))
    exact = copy.deepcopy(student)
    for layer in _layers(exact):
        layer.weight.data = on_grid(layer.weight.data)

    def correct(i: int, out: Tensor) -> Tensor:
        return wanted[i] - _mean(out)

    # One pass, first layer to last: each one sees inputs that are corrected already.
    _watch(exact, x, correct, is_correction=True)
    return exact


def _layers(student: Student) -> list[nn.Conv2d | nn.Linear]:
    heads: list[Any] = list(student.heads.values())
    return [conv.conv for conv in student.convolutions()] + heads


def _mean(out: Tensor) -> Tensor:
    """(N, C, H, W) or (N, C) -> (C,)"""
    return out.mean([d for d in range(out.dim()) if d != 1])


def _watch(
    student: Student, x: Tensor, look: Callable[[int, Tensor], Tensor], is_correction: bool = False
) -> dict[int, Tensor]:
    """Run `x`, give every layer's output to `look`, and add what it returns where it corrects."""
    found: dict[int, Tensor] = {}

    def hook(i: int) -> Callable[[Any, Any, Tensor], Tensor | None]:
        def seen(layer: Any, _: Any, out: Tensor) -> Tensor | None:
            found[i] = look(i, out)
            if not is_correction:
                return None
            layer.bias.data += found[i]
            return out + found[i].reshape([-1] + [1] * (out.dim() - 2))

        return seen

    hooks = [layer.register_forward_hook(hook(i)) for i, layer in enumerate(_layers(student))]
    student(x)
    for one in hooks:
        one.remove()
    return found
