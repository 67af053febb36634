"""What a network costs a device, counted and not measured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def gmac(network: nn.Module, side: int) -> float:
    """10^9 multiplications of weights with inputs for one picture of side x side px.

    Convolutions and linear layers; what a network multiplies without weights (attention) is not in
    it. The network is left in the mode, training or not, that it was in.
    """
    counts: list[int] = []

    def count(layer: Any, inputs: Any, out: Tensor) -> None:
        per_output = layer.weight.numel() // layer.weight.shape[0]
        counts.append(per_output * out.numel())

    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training, weight = network.training, next(network.parameters())
    try:
        network.eval()(torch.zeros(1, 3, side, side, device=weight.device, dtype=weight.dtype))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return sum(counts) / 1e9


def parameters(network: nn.Module) -> int:
    """Weights that are learned; the statistics of batch norms are not."""
    return sum(p.numel() for p in network.parameters())
