"""How much work a network is: the device holds it against what its board can do (its roofline)."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from quantize.students.student import Network


@torch.no_grad()
def work_of(network: Network, height: int, width: int) -> dict[str, int]:
    """For the recipe of a manifest, for one picture.

    macs         multiplications of a weight with an input
    activations  numbers that convolutions and matrices read and write
    """
    counted = {"macs": 0, "activations": 0}

    def count(layer: Any, inputs: tuple[Tensor, ...], made: Tensor) -> None:
        counted["macs"] += made.numel() * prod(layer.weight.shape[1:])
        counted["activations"] += made.numel() + inputs[0].numel()

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        network.eval()(torch.zeros(1, 3, height, width))
    finally:
        for hook in hooks:
            hook.remove()
    return counted
