"""One epoch as batches: which samples, in what order, seen how; the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from edge.bundle import InputSpec
from quantize.training.settings import Settings
from quantize.training.shelf import Shelf, targets
from quantize.training.views import view


class Batch(msgspec.Struct, frozen=True, eq=False):
    """One step's pictures and targets."""

    pixels: Tensor  # (N, side, side, 3) 0..255: uint8 as seen, float32 as shown
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


class Turn(msgspec.Struct, frozen=True, eq=False):
    """What one step shows, before anybody has looked."""

    epoch: int
    step: int
    chosen: NDArray[np.int64]  # (N,) samples of the shelf


def batches(
    shelf: Shelf, settings: Settings, workers: int = 0, device: str = "cpu"
) -> Callable[[int], Iterator[Batch]]:
    """What gives the batches of epoch n, on `device`: the same order and the same views for the
    same seed and epoch, however many processes (`workers`, 0: this one) look at the pictures.
    """
    turns: list[Turn] = []  # of the epoch that is asked for; the loader reads them anew each time
    loader = DataLoader(
        _Itself(),
        sampler=turns,
        batch_size=None,
        num_workers=workers,
        collate_fn=partial(random_views, shelf, settings),
        # A fork shares the shelf; and kept, or each epoch would begin with waiting for its views.
        multiprocessing_context="fork" if workers else None,
        persistent_workers=workers > 0,
    )

    def epoch(number: int) -> Iterator[Batch]:
        turns[:] = turns_of(shelf, settings, number)
        for turn, batch in zip(tuple(turns), loader, strict=True):
            draw = np.random.default_rng((settings.seed, number, turn.step, 1))
            here = batch.to(torch.device(device))
            here = msgspec.structs.replace(here, pixels=here.pixels.float())
            yield mixed(here, draw) if draw.random() < settings.mixed else here

    return epoch


class _Itself:
    """A data set whose keys say everything."""

    def __getitem__(self, turn: Turn) -> Turn:
        return turn


def turns_of(shelf: Shelf, settings: Settings, epoch: int) -> list[Turn]:
    """The steps of an epoch in random order, whole batches only."""
    order = epoch_order(shelf, np.random.default_rng((settings.seed, epoch)))
    steps = min(steps_an_epoch(shelf, settings), len(order) // settings.batch)
    whole = order[: steps * settings.batch].reshape(steps, settings.batch)
    return [Turn(epoch, step, chosen) for step, chosen in enumerate(whole)]


def random_views(shelf: Shelf, settings: Settings, turn: Turn) -> Batch:
    """A random view of every picture of a step, pixels still uint8."""
    draw = np.random.default_rng((settings.seed, turn.epoch, turn.step))
    side = side_at(turn.epoch, settings)
    spec = InputSpec(height=side, width=side)
    look = partial(view, light=settings.light)
    wanted = {
        head: targets(labels[turn.chosen], shelf.sizes[head], settings)
        for head, labels in shelf.labels.items()
    }
    return Batch(
        torch.from_numpy(np.stack([look(shelf.pictures[i], spec, draw) for i in turn.chosen])),
        wanted,
        None if shelf.soft is None else _scores(torch.from_numpy(shelf.soft[turn.chosen]), shelf),
        torch.tensor([[shelf.samples[i].trust] for i in turn.chosen]),
    )


def _scores(logits: Tensor, shelf: Shelf) -> Tensor:
    """(N, T) the teacher's logits -> 0..1."""
    return logits.softmax(1) if shelf.kind == "softmax" else logits.sigmoid()


def epoch_order(shelf: Shelf, draw: np.random.Generator) -> NDArray[np.int64]:
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
