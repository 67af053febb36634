"""Frames -> features of the trunk, once; features -> a neck that finds things in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from edge.bundle.manifest import HeatMap, InputSpec, StoredFile
from quantize.glance.lesson import loss_of
from quantize.glance.network import Glance, Trunk
from quantize.glance.scenes import Example, Wanted, wanted
from quantize.glance.settings import GlanceSettings
from quantize.students import normalise


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
    features, wants, kept = [], [], []
    for example in tqdm(found, "features", count, unit="frame", disable=None):
        x = normalise(torch.from_numpy(example.seen[None]))
        with torch.autocast("cpu", torch.bfloat16):
            given = trunk(x.contiguous(memory_format=torch.channels_last))
        features.append(tuple(f[0].to(torch.bfloat16).contiguous() for f in given))
        wants.append(wanted(example, kinds, cells))
        kept.append(example)
    return Lessons(features, stacked(wants), kept)


def learn(glance: Glance, taught: Lessons, settings: GlanceSettings) -> None:
    """The neck learns; the trunk is not even asked."""
    steps = max(1, len(taught.features) // settings.batch)
    optimizer = torch.optim.AdamW(
        glance.neck.parameters(), settings.lr, weight_decay=settings.weight_decay
    )
    schedule = one_cycle(optimizer, settings.lr, steps * settings.epochs)
    draw = np.random.default_rng(settings.seed)
    glance.neck.train()
    bar = tqdm(range(settings.epochs), "glance", unit="epoch", disable=None)
    for _ in bar:
        order = draw.permutation(len(taught.features))
        for step in range(steps):
            chosen = order[step * settings.batch : (step + 1) * settings.batch]
            with torch.autocast("cpu", torch.bfloat16):
                outputs = glance.neck(_features(taught, chosen))
            loss = loss_of(outputs, {name: t[chosen] for name, t in taught.truth.items()})
            stepped(loss, optimizer, schedule)
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    glance.neck.eval()


def one_cycle(
    optimizer: torch.optim.Optimizer, lr: float, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Up in the first seventh, then down."""
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.15)


def stepped(
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> None:
    """One step downhill."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    schedule.step()


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


def stacked(wants: Sequence[Wanted]) -> dict[str, Tensor]:
    """A batch of them, by name."""
    return {
        name: torch.from_numpy(np.stack([getattr(w, name) for w in wants]))
        for name in ("heat", "geometry", "centres")
    }


def _features(taught: Lessons, chosen: np.ndarray) -> tuple[Tensor, ...]:  # type: ignore[type-arg]
    """(N, C, h, w) at each stride."""
    picked = [taught.features[i] for i in chosen]
    return tuple(
        torch.stack(level).float().contiguous(memory_format=torch.channels_last)
        for level in zip(*picked)
    )
