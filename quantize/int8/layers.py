"""Layers by their name in torch, found again in the file of any converter by their kernels.

Converters rename, transpose and reorder; the numbers of a kernel stay. So one list of layers to
keep in float serves every engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.records import F32
from quantize.students import Network

Layer = nn.Conv2d | nn.Linear
INPUT = "input of "
ORDERS = ((0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0), (2, 3, 1, 0), (0, 1), (1, 0))  # of axes
Print = tuple[int, float, float, float]  # size, sum, sum of sizes, sum of squares
Constants = Mapping[str, tuple[F32, F32]]  # layer -> kernel, bias


class Node(msgspec.Struct, frozen=True):
    """An operation of a converted graph. Tensors by name; constants need not be listed."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layer: str | None = None  # torch's name of the layer whose kernel it holds


@torch.no_grad()
def layers(student: Network, x: Tensor) -> dict[str, Layer]:
    """Convolutions and matrices in the order they run on `x`; those that run twice are left out."""
    calls: list[str] = []
    named = {n: m for n, m in student.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    hooks = [
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
        for name, module in named.items()
    ]
    student(x)
    for hook in hooks:
        hook.remove()
    counted = Counter(calls)
    return {name: named[name] for name in calls if counted[name] == 1}


def by_channel(values: Tensor, layer: Layer, out: Tensor) -> Tensor:
    """(C,) numbers of a layer's outputs, shaped to be added to what it gave.

    (N, C, H, W) of a convolution; (..., C) of a matrix, which ConvNeXt and its like use on maps.
    """
    return values.reshape([-1] + [1] * (out.dim() - 1 - axis_of(layer, out)))


def axis_of(layer: Layer, out: Tensor) -> int:
    """The axis of a layer's outputs in what it gave."""
    return 1 if isinstance(layer, nn.Conv2d) else out.dim() - 1


def constants(named: Mapping[str, Layer]) -> Constants:
    """Kernel and bias of each layer; zeros where it has none."""
    return {
        name: (
            layer.weight.detach().numpy(),
            np.zeros(len(layer.weight), np.float32)
            if layer.bias is None
            else layer.bias.detach().numpy(),
        )
        for name, layer in named.items()
    }


def prints(named: Mapping[str, Layer]) -> dict[str, Print]:
    """Layer -> what is known again of its kernel whatever the order of its axes."""
    return {name: _print(layer.weight.detach().numpy()) for name, layer in named.items()}


def layer_of(kernel: NDArray[Any], known: Mapping[str, Print]) -> str | None:
    """The layer with this kernel, if there is one."""
    mine = _print(kernel)
    for name, other in known.items():
        if other[0] == mine[0] and np.allclose(mine[1:], other[1:], rtol=1e-6, atol=1e-6 * mine[2]):
            return name
    return None


def _print(kernel: NDArray[Any]) -> Print:
    flat = kernel.astype(np.float64).ravel()
    return flat.size, float(flat.sum()), float(np.abs(flat).sum()), float(flat @ flat)


def layers_of(nodes: Sequence[Node], names: Iterable[str]) -> set[str]:
    """The layers among the operations `names`."""
    chosen = set(names)
    return {node.layer for node in nodes if node.layer is not None and node.name in chosen}


def as_stored(kernel: F32, stored: NDArray[Any], known: F32) -> F32 | None:
    """`kernel` with its axes as a file stores `known`, which is `stored` there; None: no way."""
    orders = [o for o in ORDERS if len(o) == known.ndim]
    for order in orders:
        turned = known.transpose(order)
        if turned.shape == stored.shape and np.allclose(turned, stored, rtol=1e-5, atol=1e-8):
            return np.ascontiguousarray(kernel.transpose(order))
    return None


def in_float(nodes: Sequence[Node], kept: Iterable[str]) -> set[str]:
    """Names of the operations to leave alone so that `kept` compute in float.

    kept: layers, and "input of LAYER" where what a layer reads must come in float: then those that
    make it compute in float too. What lies between a kept layer and the next layer goes with it:
    the additions, paddings and activations that hand its result on. `nodes` in the order they run.
    """
    units = set(kept)
    chosen = {node.name for node in nodes if node.layer in units}
    makers = {name: node for node in nodes for name in node.outputs}
    for reader in nodes:
        if reader.layer is not None and INPUT + reader.layer in units:
            chosen |= {reader.name} | _above(reader, makers)
    made: set[str] = set()  # tensors that stay in float
    for node in nodes:
        is_after = node.layer is None and any(name in made for name in node.inputs)
        if node.name in chosen or is_after:
            chosen.add(node.name)
            made.update(node.outputs)
    return chosen


def _above(reader: Node, makers: Mapping[str, Node]) -> set[str]:
    """What `reader` reads comes from: operations up to and with the layers before it."""
    found: set[str] = set()
    waiting = list(reader.inputs[:1])  # the others are its kernel and its bias
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is not None and maker.name not in found:
            found.add(maker.name)
            waiting += maker.inputs if maker.layer is None else ()
    return found
