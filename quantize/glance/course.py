"""Frames -> features of the trunk, once; features -> a neck that finds things in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from edge.bundle.manifest import HeatMap, InputSpec, StoredFile
from edge.records import NDArray
from quantize.glance.lesson import loss_of
from quantize.glance.network import Glance, Neck, Trunk
from quantize.glance.scenes import Example, Targets, targets
from quantize.glance.settings import GlanceSettings
from quantize.students import normalise
from quantize.training.loop import Schedule, fit
from quantize.training.precision import quick

Batch = tuple[Any, dict[str, Tensor]]  # what a network reads, and the truth, see `stacked`


class Lessons(msgspec.Struct, frozen=True, eq=False):
    """Of N frames."""

    features: list[tuple[Tensor, ...]]  # (C, h, w) bfloat16 each, by frame
    truth: dict[str, Tensor]  # see `stacked`
    examples: list[Example]


@torch.no_grad()
def lessons(
    trunk: Trunk, found: Iterable[Example], count: int, kinds: Sequence[str], cells: int
) -> Lessons:
    """What the trunk gives for each frame; a few GB for thousands, in half precision."""
    trunk = trunk.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features, truth, kept = [], [], []
    for example in tqdm(found, "features", count, unit="frame", disable=None):
        x = normalise(torch.from_numpy(example.seen[None]))
        with quick("cpu"):
            given = trunk(x.contiguous(memory_format=torch.channels_last))
        features.append(tuple(f[0].to(torch.bfloat16).contiguous() for f in given))
        truth.append(targets(example, kinds, cells))
        kept.append(example)
    return Lessons(features, stacked(truth), kept)


def learn(glance: Glance, taught: Lessons, settings: GlanceSettings, out: Path) -> Neck:
    """The neck, learned; the trunk is not even asked. `out` holds its checkpoint."""
    count = len(taught.features)

    def batches(epoch: int) -> Iterator[Batch]:
        for chosen in orders(count, settings, epoch):
            truth = {name: rows[chosen] for name, rows in taught.truth.items()}
            yield _features(taught, chosen), truth

    plan = plan_of(count, settings.epochs, settings.lr, settings)
    return fit(glance.neck, batches, step_loss, plan, out, lambda _: {})


def orders(count: int, settings: GlanceSettings, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Which of `count` frames are in each batch of an epoch; the same whenever it is asked."""
    order = np.random.default_rng([settings.seed, epoch]).permutation(count)
    for step in range(max(1, count // settings.batch)):
        yield order[step * settings.batch : (step + 1) * settings.batch]


def plan_of(count: int, epochs: int, lr: float, settings: GlanceSettings) -> Schedule:
    """Up in the first seventh, then down."""
    steps = max(1, count // settings.batch)
    return Schedule(epochs, steps, lr, settings.weight_decay, epochs * steps // 7,
                    seed=settings.seed)  # fmt: skip


def step_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Of a neck or of a whole glance, on what it reads."""
    read, truth = batch
    return loss_of(model(read), truth)


@torch.no_grad()
def answers(glance: Glance, asked: Lessons) -> dict[str, Tensor]:
    """heat (N, cells, kinds), geometry (N, cells, 3)."""
    glance.neck.eval()
    rows = [glance.neck(_features(asked, np.array([i]))) for i in range(len(asked.features))]
    count = len(asked.features)
    return {
        "heat": torch.cat([r["heat"] for r in rows]).reshape(count, -1, len(glance.kinds)),
        "geometry": torch.cat([r["geometry"] for r in rows]).reshape(count, -1, 3),
    }


def spec_of(glance: Glance) -> HeatMap:
    """What the manifest says of it, its artifacts apart."""
    nothing = StoredFile("golden.png", 0, "0" * 64)
    side = InputSpec(height=glance.side, width=glance.side)
    return HeatMap(side, glance.cells, glance.cells, glance.kinds, (), nothing)


def stacked(frames: Sequence[Targets]) -> dict[str, Tensor]:
    """A batch of them, by name."""
    return {
        name: torch.from_numpy(np.stack([getattr(frame, name) for frame in frames]))
        for name in ("heat", "geometry", "centres")
    }


def _features(taught: Lessons, chosen: np.ndarray) -> tuple[Tensor, ...]:  # type: ignore[type-arg]
    """(N, C, h, w) at each stride."""
    picked = [taught.features[i] for i in chosen]
    return tuple(
        torch.stack(level).float().contiguous(memory_format=torch.channels_last)
        for level in zip(*picked)
    )
