"""Trunk and neck together on pixels: what the student's layers saw of crops is not all that a frame
has, and things of two or three pixels are worth layers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge.records import F32, NDArray
from quantize.glance.course import Batch, Lessons, orders, plan_of, step_loss
from quantize.glance.network import Glance
from quantize.glance.settings import GlanceSettings
from quantize.students import normalise
from quantize.training.loop import fit

GAIN = (0.7, 1.3)  # of a frame's light: a shop at night
TINT = (0.92, 1.08)  # of each colour


def tune(
    glance: Glance,
    taught: Lessons,
    settings: GlanceSettings,
    out: Path,
    judge: Callable[[Glance], dict[str, float]],
) -> Glance:
    """`settings.tune` times through the frames; `out`: its checkpoint, and what `judge` says of
    each. The trunk's batch statistics stay the student's: sixteen frames are too few to replace
    them.
    """
    count = len(taught.examples)

    def batches(epoch: int) -> Iterator[Batch]:
        draw = np.random.default_rng([settings.seed, epoch, 1])
        for chosen in orders(count, settings, epoch):
            yield _varied(taught, chosen, draw)

    plan = plan_of(count, settings.tune, settings.tune_lr, settings)
    return fit(glance, batches, step_loss, plan, out, judge, steady=[glance.trunk])


def _varied(
    taught: Lessons, chosen: NDArray[np.int64], draw: np.random.Generator
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
