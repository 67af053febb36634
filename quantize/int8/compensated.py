"""Rounding a kernel such that the errors of its weights cancel on what the layer really reads.

Column after column goes on the grid, and the weights that are still free make up for the error of
those that are not ("GPTQ", Frantar et al. 2022, arXiv:2210.17323, after Hassibi and Stork's optimal
brain surgeon of 1993). The mean of the input is left to the bias, so the covariance decides.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from quantize.int8.layers import Layer

DAMPING = 0.01  # of the mean variance: what was seen is a sample
POSITIONS = 32_768  # of all pictures together, that enter a covariance
PICTURES = 32  # of which places are taken


def compensated(layer: Layer, x: Tensor, step: Tensor) -> Tensor:
    """The kernel on the grid of multiples of `step`, one an output channel, 127 at most.

    x: what the layer reads, (N, C, H, W) or (..., C). Each channel's largest weight stays at the
    end of the grid: it is what an engine takes the step from.
    """
    weight = layer.weight.data
    groups = getattr(layer, "groups", 1)
    rows = weight.reshape(groups, len(weight) // groups, -1)  # (G, O / G, K)
    steps = step.reshape(groups, -1, 1)
    found = _columns(rows.double(), _spread(layer, x, groups), steps.double())
    return _ends_kept(found, rows, steps).to(weight.dtype).reshape(weight.shape)


def _columns(rows: Tensor, spread: Tensor, steps: Tensor) -> Tensor:
    """(G, O, K) weights, (G, K, K) covariance, (G, O, 1) steps -> weights on the grid."""
    inverse = torch.linalg.cholesky(torch.linalg.inv(spread), upper=True)
    left, found = rows.clone(), torch.empty_like(rows)
    for k in range(rows.shape[2]):
        column = left[..., k : k + 1]
        found[..., k : k + 1] = (column / steps).round().clamp(-127, 127) * steps
        error = (column - found[..., k : k + 1]) / inverse[:, k : k + 1, k : k + 1]
        left[..., k + 1 :] -= error * inverse[:, k : k + 1, k + 1 :]
    return found


def _ends_kept(found: Tensor, rows: Tensor, steps: Tensor) -> Tensor:
    largest = rows.abs().argmax(2, keepdim=True)
    ends = rows.gather(2, largest).sign() * 127 * steps
    return found.scatter(2, largest, ends.to(found.dtype))


def _spread(layer: Layer, x: Tensor, groups: int) -> Tensor:
    """(G, K, K) covariance of what each group of output channels is computed from, damped."""
    seen = _read(layer, x, groups).double()  # (G, M, K)
    seen = seen - seen.mean(1, keepdim=True)
    spread = seen.transpose(1, 2) @ seen / seen.shape[1]
    diagonal = spread.diagonal(dim1=1, dim2=2)
    diagonal += DAMPING * diagonal.mean(1, keepdim=True) + 1e-9
    return spread


def _read(layer: Layer, x: Tensor, groups: int) -> Tensor:
    """(G, M, K): the inputs of M outputs, at places spread over all of them."""
    if isinstance(layer, torch.nn.Linear):
        return _thinned(x.reshape(-1, x.shape[-1]))[None]
    x = x[:: max(1, len(x) // PICTURES)]
    out = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # (N, CK, L)
    rows = _thinned(out.transpose(1, 2).reshape(-1, out.shape[1]))  # (M, CK)
    return rows.reshape(len(rows), groups, -1).transpose(0, 1)


def _thinned(rows: Tensor) -> Tensor:
    return rows[:: max(1, -(-len(rows) // POSITIONS))]
