"""Batch norm over several processes: the mean and variance of a whole batch, not of each part."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class _Mean(torch.autograd.Function):
    """Of all processes' values. A process's value is in every process's mean, so its gradient is
    the mean of theirs."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(_: Any, grad: Tensor) -> Tensor:
        return _Mean.forward(_, grad)


def mean_of(value: Tensor) -> Tensor:
    """Of all processes' values; gradients find their way back to each."""
    mean: Tensor = _Mean.apply(value)  # type: ignore[no-untyped-call]
    return mean


class SharedNorm(nn.BatchNorm2d):
    """Batch norm with the mean and variance of all processes' parts, on CPUs, where torch's own
    SyncBatchNorm does not run."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        axes = [d for d in range(x.dim()) if d != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = mean_of(wide.mean(axes))
        centred = wide - mean.reshape(shape)
        var = mean_of(centred.square().mean(axes))
        self._remember(mean, var, x.numel() // x.shape[1] * dist.get_world_size())
        gain = self.weight * (var + self.eps).rsqrt()
        out: Tensor = centred * gain.reshape(shape) + self.bias.reshape(shape)
        return out.to(x.dtype)

    def _check_input_dim(self, x: Tensor) -> None:
        """One class for pictures and for rows."""

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * count / max(1, count - 1), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


def share_norms(network: nn.Module) -> None:
    """Let every batch norm see the parts of all processes, as if there were one.

    In place, and only plain ones: a norm with an activation of its own (timm has such) would
    lose it, and goes on with the statistics of its own part.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if _is_plain(child):
                setattr(parent, name, _shared(child))


def _is_plain(norm: Any) -> bool:
    if type(norm) not in NORMS:
        return False
    return bool(norm.affine and norm.track_running_stats and norm.momentum is not None)


def _shared(norm: Any) -> nn.Module:
    if norm.weight.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call, no-any-return]
    new = SharedNorm(norm.num_features, norm.eps, norm.momentum)
    new.__dict__ |= norm.__dict__  # the same weights and statistics, not copies of them
    return new
