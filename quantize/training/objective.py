"""What the student is taught: labels where a person gave one, the teacher everywhere.

A picture with a label teaches its own head the label, and the other softmax heads "none of these":
a lemon is no garment. Every picture teaches `tags` what the teacher saw in it: a softmax teacher
(Hinton et al. 2015, arXiv:1503.02531, at temperature 1) the order of the tags, and half as much how
sure each one is; a sigmoid teacher, of any number of tags a picture, that alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor
from torch.nn import functional as F

from edge.bundle import InputSpec
from edge.pictures import pixels
from quantize.students import Student, normalise
from quantize.teachers import Kind
from quantize.training.batches import Batch
from quantize.training.groups import NO_GROUPS, Groups, group_loss
from quantize.training.precision import quick
from quantize.training.shelf import Shelf

JUDGED = 64  # pictures at a time


def loss_of(
    outputs: dict[str, Tensor],
    batch: Batch,
    soft_weight: float,
    kind: Kind = "softmax",
    groups: Groups = NO_GROUPS,
) -> Tensor:
    """Outputs: head -> (N, T) logits. Returns a scalar."""
    total = outputs["embedding"].new_zeros((), dtype=torch.float32)
    for head, wanted in batch.targets.items():
        total = total - (wanted * outputs[head].float().log_softmax(1)).sum(1).mean()
        if groups.weight and head in groups.of:
            total = total + groups.weight * group_loss(outputs[head], wanted, groups.of[head])
    if batch.soft is None:
        return total
    student = outputs["tags"].float()  # (N, T)
    # Summed over the tags, because nearly all of a thousand targets are nearly 0.
    sure = F.binary_cross_entropy_with_logits(student, batch.soft, reduction="none").sum(1).mean()
    if kind == "sigmoid":
        return total + soft_weight * sure
    order = F.kl_div(student.log_softmax(1), batch.soft, reduction="batchmean")
    return total + soft_weight * (order + 0.5 * sure)


def taught(
    student: Student,
    batch: Batch,
    soft_weight: float,
    teachers: Sequence[Student] = (),
    teacher_weight: float = 0.0,
    kind: Kind = "softmax",
    groups: Groups = NO_GROUPS,
) -> Tensor:
    """The loss of a student on a batch, wherever the student is. `teachers` are in eval mode; of
    this `kind` is who gave the soft targets.
    """
    device = next(student.parameters()).device
    x = normalise(batch.pixels.to(device)).contiguous(memory_format=torch.channels_last)
    batch = batch.to(device)
    if teachers:
        targets = shared_with(teachers, x, batch.targets, teacher_weight * batch.trust)
        batch = replace(batch, targets=targets)
    return loss_of(student(x), batch, soft_weight, kind, groups)


@torch.no_grad()
def shared_with(
    teachers: Sequence[Student], x: Tensor, targets: Mapping[str, Tensor], weight: Tensor
) -> dict[str, Tensor]:
    """Targets of which `weight`, (N, 1), is what the teachers think on average of these very views.

    Seeing what the student sees, blended and pasted pictures too, is what makes a few pictures say
    much ("function matching", Beyer et al. 2022, arXiv:2106.05237). A picture counts as before, and
    what the teachers have no head for is taught by labels alone.
    """
    said = [teacher(x) for teacher in teachers]
    shared = {}
    for head, wanted in targets.items():
        if not all(head in outputs for outputs in said):
            shared[head] = wanted
            continue
        thought = torch.stack([outputs[head].float().softmax(1) for outputs in said]).mean(0)
        counts = wanted.sum(1, keepdim=True)
        shared[head] = (1 - weight) * wanted + weight * counts * thought
    return shared


@torch.no_grad()
def accuracy(student: Student, shelf: Shelf, side: int) -> dict[str, float]:
    """Top-1 of every softmax head on a shelf's pictures; "none" is not a guess.

    The student is left in evaluation mode.
    """
    student.eval()
    device = next(student.parameters()).device
    right: dict[str, list[bool]] = {head: [] for head in shelf.labels}
    for first, seen in enumerate(_at(shelf, side)):
        x = normalise(seen.to(device)).contiguous(memory_format=torch.channels_last)
        with quick(device):
            outputs = student(x)
        best = {head: outputs[head][:, :-1].argmax(1).tolist() for head in shelf.labels}
        for i, sample in enumerate(shelf.samples[first * JUDGED : (first + 1) * JUDGED]):
            if sample.head in right:
                label = int(shelf.labels[sample.head][first * JUDGED + i])
                right[sample.head].append(best[sample.head][i] == label)
    return {head: float(np.mean(hits)) for head, hits in right.items() if hits}


@lru_cache(maxsize=1)  # the same pictures after every epoch
def _at(shelf: Shelf, side: int) -> list[Tensor]:
    """A shelf's pictures as the device will see them, JUDGED at a time."""
    spec = InputSpec(height=side, width=side)
    parts = [shelf.pictures[i : i + JUDGED] for i in range(0, len(shelf.pictures), JUDGED)]
    return [torch.from_numpy(pixels.batch(part, spec)) for part in parts]
