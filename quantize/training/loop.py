"""The loop: the only one that trains anything here with AdamW.

bf16 where it is quicker, channels last, linear warm-up and half a cosine, an exponential moving
average of the weights (which is what comes back), a checkpoint an epoch. A run that is killed goes
on from its last whole epoch, with the same batches and the same dropout as if nothing had happened.
"""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import msgspec
import torch
from torch import Tensor, nn
from tqdm import tqdm

from quantize import disk
from quantize.errors import WorkshopError
from quantize.training.distributed import ALONE, Group, Step
from quantize.training.precision import quick

Batch = TypeVar("Batch")
Model = TypeVar("Model", bound=nn.Module)
CHECKPOINT = "checkpoint.pt"


class Schedule(msgspec.Struct, frozen=True):
    """How long and how fast."""

    epochs: int
    steps: int  # an epoch
    lr: float  # AdamW, highest value, after warm-up
    weight_decay: float = 0.02
    warm_up: int = 300  # steps
    ema: float = 0.999  # of the weights, a step
    seed: int = 0


def fit(
    model: Model,
    epochs: Callable[[int], Iterable[Batch]],
    loss: Callable[[nn.Module, Batch], Tensor],
    schedule: Schedule,
    out: Path,
    judge: Callable[[Model], dict[str, float]],
    frozen: Sequence[nn.Module] = (),
    group: Group = ALONE,
    steady: Sequence[nn.Module] = (),
) -> Model:
    """Train to the end, from the last whole epoch in `out`. Returns the averaged model, in
    evaluation mode.

    `epochs(n)` gives the batches of epoch n, the same ones each time it is asked; `judge` sees the
    averaged model after each epoch, and what it says goes into log.jsonl. Modules in `frozen` keep
    their weights and their statistics, those in `steady` their statistics alone: a small batch of
    scenes is no reason to forget those of a million photographs. In a `group`, `epochs` gives this
    process's part of each batch; the first process alone judges and writes. Raises WorkshopError
    for an epoch without a batch.
    """
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # torch's threads need the cores more
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    for parameter in (p for part in frozen for p in part.parameters()):
        parameter.requires_grad_(False)
    optimizer = _optimizer(model, schedule)
    first = _resume(out / CHECKPOINT, model, average, optimizer)
    average.eval()  # it is judged and kept, never trained
    group.agree(out / CHECKPOINT, first)
    step_loss = group.wrap(Step(model, loss))
    for epoch in range(first, schedule.epochs):
        model.train()
        for part in (*frozen, *steady):
            part.eval()
        # Dropout: after a kill as before it, and another one in each process.
        torch.manual_seed(schedule.seed + 1000 * epoch + group.rank)
        seen = islice(epochs(epoch), schedule.steps)
        name = f"epoch {epoch + 1}/{schedule.epochs}"
        bar = tqdm(seen, name, schedule.steps, disable=group.quiet)
        value = None
        for i, batch in enumerate(bar):
            step = epoch * schedule.steps + i
            for parameters in optimizer.param_groups:
                parameters["lr"] = lr_at(step, schedule)
            with quick(_device(model)):
                value = step_loss(batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            _follow(average, model, min(schedule.ema, (step + 1) / (step + 10)))
            told = value.item()
            if not math.isfinite(told):  # the weights are lost: the last checkpoint is before them
                raise WorkshopError(out, f"the loss is {told}", "a number", "try a lower --lr")
            bar.set_postfix(loss=f"{told:.3f}", refresh=False)
        if value is None:
            found, fix = f"epoch {epoch + 1} has no batch", "a smaller --batch, or more pictures"
            raise WorkshopError(out, found, "one at least", fix)
        line = {"epoch": epoch + 1, "loss": group.mean(value)}
        if group.is_first:
            line |= judge(average)
            _save(out / CHECKPOINT, model, average, optimizer, epoch + 1)
            _log(out, line)  # last: an epoch that is learned again is not told twice
        group.wait()
    return average


def lr_at(step: int, schedule: Schedule) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    if step < schedule.warm_up:
        return schedule.lr * (step + 1) / schedule.warm_up
    steps = schedule.epochs * schedule.steps
    along = (step - schedule.warm_up) / max(1, steps - schedule.warm_up)
    return schedule.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, along)))


def _optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    learning = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        learning, lr=schedule.lr, weight_decay=schedule.weight_decay, fused=True
    )


def _device(model: nn.Module) -> str:
    return next(model.parameters()).device.type


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    pairs = list(zip(average.state_dict().values(), model.state_dict().values()))
    moving = [(mine, new) for mine, new in pairs if mine.dtype.is_floating_point]
    torch._foreach_lerp_([mine for mine, _ in moving], [new for _, new in moving], 1 - keep)
    for mine, new in pairs:
        if not mine.dtype.is_floating_point:
            mine.copy_(new)


def _log(out: Path, line: dict[str, float]) -> None:
    with (out / "log.jsonl").open("ab") as log:
        log.write(msgspec.json.encode(line) + b"\n")


def _save(
    file: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, epoch: int
) -> None:
    parts = {"model": model.state_dict(), "average": average.state_dict()}
    store(file, {**parts, "optimizer": optimizer.state_dict(), "epoch": epoch})


def store(file: Path, parts: Mapping[str, object]) -> None:
    """A checkpoint. Raises DiskError."""
    stream = io.BytesIO()  # of a disk that is full torch says that it got to an unexpected place
    torch.save(dict(parts), stream)
    disk.write(file, stream.getbuffer())


def _resume(
    file: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    if not file.exists():
        return 0
    try:
        saved = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:  # torch, zipfile and pickle each have words of their own for it
        found = f"damaged ({type(e).__name__})"
        raise WorkshopError(file, found, "a whole checkpoint", "delete it") from None
    model.load_state_dict(saved["model"])
    average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["epoch"])
