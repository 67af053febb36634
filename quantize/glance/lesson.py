"""What the neck learns, and how its logits become probabilities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from quantize.glance.network import GEOMETRY, Glance

PLACE_WEIGHT = 0.5  # of the geometry against the heat


def loss_of(outputs: dict[str, Tensor], truth: dict[str, Tensor]) -> Tensor:
    """Penalty-reduced focal loss of the heat (Zhou et al. 2019, arXiv:1904.07850, eq. 1) and L1 of
    the geometry where a centre lies. truth: see `course.stacked`.
    """
    wanted = truth["heat"].float()  # (N, rows, columns, kinds)
    logits = outputs["heat"].float().reshape(wanted.shape)
    p = torch.sigmoid(logits)
    hit = wanted == 1
    found = (1 - p) ** 2 * F.logsigmoid(logits)
    quiet = (1 - wanted) ** 4 * p**2 * F.logsigmoid(-logits)
    count = hit.sum().clamp(min=1)
    heat = -(torch.where(hit, found, quiet)).sum() / count
    where = truth["centres"].unsqueeze(3)  # (N, rows, columns, 1)
    told = outputs["geometry"].float().reshape(*wanted.shape[:3], GEOMETRY)
    off = ((told - truth["geometry"]).abs() * where).sum() / where.sum().clamp(min=1)
    return heat + PLACE_WEIGHT * off


def calibrate(
    glance: Glance, logits: Tensor, truth: Tensor, steps: int = 60
) -> list[tuple[float, float]]:
    """Change the heat's last layer so that sigmoid(logit) is how often a thing is there (Platt
    scaling, one scale and shift a kind). logits, truth: (N, cells, kinds) on scenes of things that
    nobody trained on. Returns what was applied.
    """
    applied = []
    for kind in range(logits.shape[2]):
        z, there = logits[:, :, kind].flatten().double(), truth[:, :, kind].flatten().double()
        fitted = _platt(z, there, steps)
        applied.append(fitted)
        with torch.no_grad():
            layer = glance.neck.heat
            assert layer.bias is not None
            layer.weight[kind] *= fitted[0]
            layer.bias[kind] = layer.bias[kind] * fitted[0] + fitted[1]
    return applied


def _platt(z: Tensor, there: Tensor, steps: int) -> tuple[float, float]:
    """Scale and shift of least log loss."""
    scale = torch.ones((), dtype=torch.double, requires_grad=True)
    shift = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(scale * z + shift, there)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    return float(scale.detach()), float(shift.detach())
