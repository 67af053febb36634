"""int8 acted out in torch: what a layer reads and its kernel are rounded, gradients pass straight.

Engine-independent: no file, no converter. For asking which layers hurt, and for learning to live
with rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from quantize.int8.layers import Layer, by_channel, layers
from quantize.int8.ranges import Range, Tally, spans
from quantize.int8.rounding import step_of
from quantize.students import MEAN, SCALE, Network

STEPS = 255
FASTER = 50.0  # that ends move than weights
ALL_OF_A_BYTE = (-MEAN / SCALE, (255 - MEAN) / SCALE)  # pixels lie on their grid already
WORST = 2.0**31 - 1  # largest int32: what a bias must fit in, in steps of input times weight


def straight(x: Tensor) -> Tensor:
    """Rounded on the way there, untouched on the way back (Bengio et al. 2013, arXiv:1308.3432)."""
    return x + (x.round() - x).detach()


class Grid(nn.Module):
    """Where the numbers of one layer lie: its input between two ends in 255 steps.

    The ends can be learned (compare Esser et al. 2020, arXiv:1902.08153), as shares of what they
    were, so that one learning rate does for all layers.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.span(low, high)
        self.shares = nn.Parameter(torch.zeros(2))  # logarithms / FASTER
        self.is_on = True  # both of:
        self.reads = self.weighs = True  # its input, its kernel and bias

    def span(self, low: float, high: float) -> None:
        """Put the ends there."""
        self.low.fill_(min(low, 0.0))
        self.high.fill_(max(high, 1e-6))

    def ends(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest input."""
        low, high = torch.exp(self.shares * FASTER)
        return self.low * low, self.high * high

    def on_input(self, x: Tensor) -> Tensor:
        low, high = self.ends()
        step = (high - low) / STEPS
        zero = straight(-low / step)
        return (torch.clamp(straight(x / step) + zero, 0, STEPS) - zero) * step

    def on_bias(self, layer: Layer) -> Tensor:
        """(C,) by how much int32 in steps of input times weight is off from the bias."""
        assert layer.bias is not None
        low, high = self.ends()
        step = ((high - low) / STEPS * step_of(layer.weight).flatten()).detach().double()
        held = (layer.bias.detach() / step).round().clamp(-WORST, WORST) * step
        return (held - layer.bias.detach()).float()


class _OnWeight(nn.Module):
    """A kernel by channel on its grid; registered as a parametrisation."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = (grid,)  # in a tuple: no child of this module

    def forward(self, weight: Tensor) -> Tensor:
        if not (self.grid[0].is_on and self.grid[0].weighs):
            return weight
        step = step_of(weight).detach()
        return straight(weight / step) * step


def faked(student: Network, x: Tensor, method: str = "widest") -> tuple[Network, dict[str, Grid]]:
    """A copy of a folded student with a grid at every layer, ranges by `method` on (N, 3, H, W)."""
    copied = copy.deepcopy(student)
    named = layers(copied, x[:1])
    ends = spans_of(student, x, (method,))[method]
    grids = {}
    for name, layer in named.items():
        grid = Grid(*ends[name])
        layer.grid = grid  # a child of the layer: its ends are parameters of the student
        layer.register_forward_pre_hook(_before)  # not closures: a copy must find its own grid
        layer.register_forward_hook(_after)
        parametrize.register_parametrization(layer, "weight", _OnWeight(grid), unsafe=True)
        grids[name] = grid
    return copied, grids


def spans_of(student: Network, x: Tensor, methods: Iterable[str]) -> dict[str, dict[str, Range]]:
    """Method -> layer -> the ends of what it reads when the student sees (N, 3, H, W)."""
    named = layers(student, x[:1])
    seen, pixels = _seen(student, named, x), _first(student, named, x)
    exact = dict.fromkeys(pixels, ALL_OF_A_BYTE)
    return {method: spans(seen, method) | exact for method in methods}


def grids_of(student: Network) -> dict[str, Grid]:
    """The grids of a faked student, or of a copy of one, by the names of their layers."""
    return {name[: -len(".grid")]: m for name, m in student.named_modules() if isinstance(m, Grid)}


def bare(student: Network) -> Network:
    """A faked student without its grids, kernels as they were learned on them."""
    plain = copy.deepcopy(student)
    for name in grids_of(plain):
        layer = plain.get_submodule(name)
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        layer._forward_pre_hooks.clear()
        layer._forward_hooks.clear()
        del layer.grid
    return plain


def only(
    grids: dict[str, Grid], chosen: Iterable[str], *, reads: bool = True, weighs: bool = True
) -> None:
    """Round at these layers and nowhere else: what they read, what they weigh it with, or both."""
    names = set(chosen)
    for name, grid in grids.items():
        grid.is_on, grid.reads, grid.weighs = name in names, reads, weighs


def _before(layer: Any, ins: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    grid: Grid = layer.grid
    return (grid.on_input(ins[0]), *ins[1:]) if grid.is_on and grid.reads else None


def _after(layer: Any, _: Any, out: Tensor) -> Tensor | None:
    grid: Grid = layer.grid
    if not (grid.is_on and grid.weighs) or layer.bias is None:
        return None
    return out + by_channel(grid.on_bias(layer), layer, out)


@torch.no_grad()
def _seen(student: Network, named: dict[str, Layer], x: Tensor) -> dict[str, Tally]:
    """What each layer reads."""
    found: dict[str, Tally] = {name: Tally() for name in named}

    def hook(name: str) -> Callable[[Any, tuple[Tensor, ...]], None]:
        return lambda _, ins: found[name].add(ins[0].numpy())

    hooks = [layer.register_forward_pre_hook(hook(name)) for name, layer in named.items()]
    for picture in x:
        student(picture[None])
    for one in hooks:
        one.remove()
    return found


@torch.no_grad()
def _first(student: Network, named: dict[str, Layer], x: Tensor) -> list[str]:
    """The layers that read the pixels themselves."""
    found: list[str] = []

    def hook(name: str) -> Callable[[Any, tuple[Tensor, ...]], None]:
        return lambda _, ins: found.append(name) if torch.equal(ins[0], x[:1]) else None

    hooks = [layer.register_forward_pre_hook(hook(name)) for name, layer in named.items()]
    student(x[:1])
    for one in hooks:
        one.remove()
    return found
