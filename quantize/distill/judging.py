"""A student judged on pictures that it does not learn from: does it say what its teacher says?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from edge.bundle.manifest import InputSpec
from edge.pictures import pixels
from quantize.distill.agreement import Agreement, agreement
from quantize.distill.course import Pictures
from quantize.distill.teaching import Plan
from quantize.labels import Labels
from quantize.pictures import Sample
from quantize.students import normalise
from quantize.training.precision import quick

BATCH = 64


class HeldOut(msgspec.Struct, frozen=True, eq=False):
    """What judges a student: pictures it does not learn from."""

    pictures: Pictures
    present: Tensor  # (N, T) does the teacher give the tag?
    tags: tuple[str, ...]
    side: int


def hold_out(samples: Sequence[Sample], labels: Labels, plan: Plan, side: int) -> HeldOut:
    """What the teacher gives of each sample, by the plan's thresholds."""
    rows = [labels.soft[s.key] for s in samples]
    logits = np.stack(rows) if rows else np.zeros((0, len(labels.tags)), np.float32)
    present = plan.present(torch.from_numpy(logits)) > 0
    return HeldOut(Pictures(samples), present, labels.tags, side)


@torch.no_grad()
def judge(student: nn.Module, held: HeldOut) -> Agreement:
    """How well a student agrees with its teacher; it is left in evaluation mode."""
    student.eval()
    weight = next(student.parameters())
    spec = InputSpec(height=held.side, width=held.side)
    scores = torch.zeros(held.present.shape)
    for first in range(0, len(held.pictures), BATCH):
        rows = range(first, min(first + BATCH, len(held.pictures)))
        seen = torch.from_numpy(pixels.batch([held.pictures[i] for i in rows], spec))
        x = normalise(seen.to(weight.device)).contiguous(memory_format=torch.channels_last)
        with quick(weight.device):
            outputs = student(x)
        scores[rows.start : rows.stop] = outputs["tags"].float().cpu()
    return agreement(scores.numpy(), held.present.numpy(), held.tags)
