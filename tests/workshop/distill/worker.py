"""What torchrun starts in test_distributed.py.

worker.py check IMAGES OUT      train, share norms, disagree: what ends up where is compared later
worker.py cli ARGUMENTS...      edge-quantize
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from quantize import cli
from quantize.distill import lessons
from quantize.distill.course import Course, Pictures
from quantize.errors import WorkshopError
from quantize.pictures import read, read_folder
from quantize.students import Student, normalise
from quantize.training.distributed import Group, Step, process_group
from quantize.training.loop import Schedule, fit
from quantize.training.losses import bce_to_soft
from tests.workshop.distill import TAGS, teacher

BATCH, EPOCHS = 12, 2


def check(group: Group, images: Path, out: Path) -> None:
    """Everything that processes do together."""
    out.mkdir(exist_ok=True)
    group.wait()
    train(group, images, out)
    share_norms(group, out)
    disagree(group, out)


def train(group: Group, images: Path, out: Path) -> None:
    """The whole loop in double precision, which autocast leaves alone: nothing is rounded."""
    samples = read_folder(images).samples
    logits = np.stack([teacher(read(s))[0] for s in samples])
    course = Course(Pictures(samples), logits, None)
    torch.manual_seed(group.rank)  # the first process's weights must win
    student = Student({"tags": len(TAGS), "unused": 2}, "tiny", dropout=0).double()
    schedule = Schedule(EPOCHS, lessons.steps_an_epoch(len(samples), BATCH), 3e-3, warm_up=2)
    seen = partial(lessons.lessons, course, BATCH, 32, 0, group)
    average = fit(student, seen, loss, schedule, out, lambda _: {}, group=group)
    if group.is_first:
        weights = {k: v.contiguous() for k, v in average.state_dict().items()}
        save_file(weights, out / "weights.safetensors")


def loss(model: torch.nn.Module, lesson: lessons.Lesson) -> torch.Tensor:
    outputs = model(normalise(lesson.pixels).double())
    return bce_to_soft(outputs["tags"], lesson.logits.sigmoid())


def share_norms(group: Group, out: Path) -> None:
    """Norms of pictures and of rows; gradients before a norm go through its statistics."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 2, 3),
        torch.nn.Flatten(), torch.nn.Linear(2 * 9, 3), torch.nn.BatchNorm1d(3),
    ).double()  # fmt: skip
    x = torch.randn(8, 3, 5, 5, dtype=torch.double)
    wanted = torch.randn(8, 3, dtype=torch.double)
    step = group.wrap(Step(network, lambda model, row: (model(row[0]) - row[1]).square().mean()))
    step((group.part(x), group.part(wanted))).backward()
    if group.is_first:
        found = {f"grad.{k}": p.grad for k, p in network.named_parameters() if p.grad is not None}
        save_file(found | dict(network.named_buffers()), out / "norms.safetensors")


def disagree(group: Group, out: Path) -> None:
    """As two hosts without a shared --out do."""
    try:
        group.agree("checkpoint.pt", group.rank)
    except WorkshopError as e:
        (out / f"refused-{group.rank}.txt").write_text(str(e))


def main() -> int:
    torch.set_num_threads(1)
    kind, *rest = sys.argv[1:]
    if kind == "cli":
        return cli.main(rest)
    with process_group("cpu") as group:
        check(group, *map(Path, rest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
