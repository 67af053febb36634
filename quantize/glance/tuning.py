"""Trunk and neck together on pixels: what the student's layers saw of crops is not all that a frame
has, and things of two or three pixels are worth layers of their own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from edge.records import F32
from quantize.glance.course import Lessons, one_cycle, stepped
from quantize.glance.lesson import loss_of
from quantize.glance.network import Glance
from quantize.glance.settings import GlanceSettings
from quantize.students import normalise

GAIN = (0.7, 1.3)  # of a frame's light: a shop at night
TINT = (0.92, 1.08)  # of each colour


def tune(glance: Glance, taught: Lessons, settings: GlanceSettings, checkpoint: Path) -> None:
    """`settings.tune` times through the frames, from `checkpoint` on where there is one.

    The trunk's batch statistics stay the student's: sixteen frames are too few to replace them.
    """
    steps = max(1, len(taught.examples) // settings.batch)
    optimizer = torch.optim.AdamW(
        glance.parameters(), settings.tune_lr, weight_decay=settings.weight_decay
    )
    schedule = one_cycle(optimizer, settings.tune_lr, steps * settings.tune)
    glance.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begun = _resumed(checkpoint, glance, optimizer, schedule)
    bar = tqdm(range(begun, settings.tune), "tune", settings.tune, initial=begun, unit="epoch",
               disable=None)  # fmt: skip
    for epoch in bar:
        draw = np.random.default_rng([settings.seed, epoch])
        glance.trunk.eval()
        glance.neck.train()
        order = draw.permutation(len(taught.examples))
        for step in tqdm(range(steps), f"epoch {epoch + 1}", leave=False, disable=None):
            chosen = order[step * settings.batch : (step + 1) * settings.batch]
            seen, truth = _varied(taught, chosen, draw)
            with torch.autocast("cpu", torch.bfloat16):
                outputs = glance(seen)
            loss = loss_of(outputs, truth)
            stepped(loss, optimizer, schedule)
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        _keep(checkpoint, epoch + 1, glance, optimizer, schedule)
    glance.eval()


def _varied(
    taught: Lessons,
    chosen: np.ndarray,
    draw: np.random.Generator,  # type: ignore[type-arg]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Frames (N, 3, side, side) normalised, in another light, half of them mirrored; and truth."""
    seen = np.stack([taught.examples[i].seen for i in chosen]).astype(np.float32)
    light: F32 = draw.uniform(*GAIN, (len(chosen), 1, 1, 1)).astype(np.float32)
    tint: F32 = draw.uniform(*TINT, (len(chosen), 1, 1, 3)).astype(np.float32)
    frames = torch.from_numpy(np.clip(seen * (light * tint), 0, 255))
    truth = {name: rows[chosen].clone() for name, rows in taught.truth.items()}
    turned = torch.from_numpy(draw.random(len(chosen)) < 0.5)
    frames[turned] = frames[turned].flip(2)
    for rows in truth.values():
        rows[turned] = rows[turned].flip(2)
    truth["geometry"][turned, :, :, 1] = 1 - truth["geometry"][turned, :, :, 1]
    return normalise(frames).contiguous(memory_format=torch.channels_last), truth


def _keep(file: Path, epochs: int, glance: Glance, *held: object) -> None:
    temporary = file.with_suffix(".tmp")
    states = [thing.state_dict() for thing in held]  # type: ignore[attr-defined]
    torch.save({"epochs": epochs, "glance": glance.state_dict(), "held": states}, temporary)
    temporary.rename(file)


def _resumed(
    file: Path,
    glance: Glance,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> int:
    """Epochs that are done."""
    if not file.exists():
        return 0
    kept = torch.load(file, weights_only=True)
    glance.load_state_dict(kept["glance"])
    optimizer.load_state_dict(kept["held"][0])
    schedule.load_state_dict(kept["held"][1])
    return int(kept["epochs"])
