"""One epoch as batches: which samples, in what order, seen how; the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.bundle import InputSpec
from quantize.training.settings import Settings
from quantize.training.shelf import Shelf, targets
from quantize.training.views import view


class Batch(msgspec.Struct, frozen=True, eq=False):
    """One step's pictures and targets."""

    pixels: Tensor  # (N, side, side, 3) float32 0..255
    targets: dict[str, Tensor]  # head -> (N, T + 1) target times weight
    soft: Tensor | None  # (N, T) the teacher's probabilities; None without a teacher
    trust: Tensor  # (N, 1) of what earlier students think of the picture

    def to(self, device: torch.device) -> Batch:
        """The same, where the student is."""
        return Batch(
            self.pixels.to(device),
            {head: wanted.to(device) for head, wanted in self.targets.items()},
            None if self.soft is None else self.soft.to(device),
            self.trust.to(device),
        )


def batches(shelf: Shelf, settings: Settings, epoch: int) -> Iterator[Batch]:
    """One epoch in random order, the same order and the same views for the same seed and epoch."""
    draw = np.random.default_rng((settings.seed, epoch))
    side = side_at(epoch, settings)
    spec = InputSpec(height=side, width=side)
    order = shown(shelf, draw)
    for start in range(0, len(order) - settings.batch + 1, settings.batch):
        chosen = order[start : start + settings.batch]
        seen = np.stack([view(shelf.pictures[i], spec, draw) for i in chosen])
        wanted = {
            head: targets(labels[chosen], shelf.sizes[head], settings)
            for head, labels in shelf.labels.items()
        }
        soft = None if shelf.soft is None else torch.from_numpy(shelf.soft[chosen]).softmax(1)
        trust = torch.tensor([[shelf.samples[i].trust] for i in chosen])
        batch = Batch(torch.from_numpy(seen).float(), wanted, soft, trust)
        yield mixed(batch, draw) if draw.random() < settings.mixed else batch


def shown(shelf: Shelf, draw: np.random.Generator) -> NDArray[np.int64]:
    """Which samples an epoch shows, in a random order: a share of 2.3 is twice or three times."""
    shares = np.array([s.share for s in shelf.samples])
    times = np.floor(shares + draw.random(len(shares))).astype(np.int64)
    order = np.repeat(np.arange(len(shares)), times)
    draw.shuffle(order)
    return order


def steps_an_epoch(shelf: Shelf, settings: Settings) -> int:
    """About: which shares are rounded up is drawn anew each epoch."""
    return max(1, int(0.98 * sum(s.share for s in shelf.samples)) // settings.batch)


def mixed(batch: Batch, draw: np.random.Generator) -> Batch:
    """Every picture with another one of the batch: blended (mixup, Zhang et al. 2018,
    arXiv:1710.09412) or with a part of it pasted in (CutMix, Yun et al. 2019, arXiv:1905.04899);
    the targets in the same proportion.
    """
    if draw.random() < 0.5:
        share = float(draw.beta(0.3, 0.3))
        pixels = share * batch.pixels + (1 - share) * batch.pixels.flip(0)
    else:
        pixels, share = _pasted(batch.pixels, float(draw.beta(1.0, 1.0)), draw)
    return Batch(
        pixels,
        {head: share * t + (1 - share) * t.flip(0) for head, t in batch.targets.items()},
        None if batch.soft is None else share * batch.soft + (1 - share) * batch.soft.flip(0),
        share * batch.trust + (1 - share) * batch.trust.flip(0),
    )


def _pasted(pixels: Tensor, share: float, draw: np.random.Generator) -> tuple[Tensor, float]:
    """One box for the whole batch; the share that really stayed comes back."""
    side = pixels.shape[1]
    cut = int(side * (1 - share) ** 0.5)
    y, x = draw.integers(0, side - cut + 1, 2)
    pasted = pixels.clone()
    pasted[:, y : y + cut, x : x + cut] = pixels.flip(0)[:, y : y + cut, x : x + cut]
    return pasted, 1 - cut * cut / side**2


def side_at(epoch: int, settings: Settings) -> int:
    """Picture side of an epoch, px: grows in steps of 32 (Tan and Le 2021, arXiv:2104.00298)."""
    steps = (settings.side - settings.first_side) // 32 + 1
    return settings.first_side + 32 * (epoch * steps // settings.epochs)
