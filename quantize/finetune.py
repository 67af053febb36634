"""Stage `finetune`: one student, all heads at once, in ONE loop.

A picture with a label teaches its own head the label, and the other softmax heads "none of these":
a lemon is no garment. Every picture teaches `tags` what the teacher saw in it (Hinton et al. 2015,
arXiv:1503.02531, at temperature 1), as a softmax for the order of the tags and as a sigmoid for how
sure each one is. The weights that are kept are an exponential moving average.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from edge import pixels
from edge.bundle import InputSpec
from edge.records import F32, U8
from quantize import teachers
from quantize.augment import view
from quantize.data import Sample, TagList, read
from quantize.students import Student, normalise, save

SOFTMAX_HEADS = ("clothes", "grocery", "fish")
KEPT_SIDE = 288  # px: pictures wait in memory at most this large


class Settings(msgspec.Struct, frozen=True):
    """Everything that decides the result; saved with it."""

    start: str  # the weights it began with, and what they had been through
    epochs: int = 10
    batch: int = 32  # larger ones fall out of the caches of a CPU
    first_side: int = 128  # px in the first epochs: small pictures teach the coarse things cheaply
    side: int = 192  # px in the last epochs; random parts look larger than whole pictures do later
    final_side: int = 224  # px the artifacts are made for
    lr: float = 5e-4  # AdamW, highest value, after warm-up
    weight_decay: float = 0.02
    warm_up: int = 300  # steps
    ema: float = 0.999  # of the weights, a step
    smoothing: float = 0.1  # of the labels
    none_weight: float = 0.25  # of "none of these" against a label
    soft_weight: float = 0.5  # of the teacher against the labels
    fish_repeats: int = 2  # the smallest set
    seed: int = 0


class Batch(msgspec.Struct, frozen=True, eq=False):
    """One step's pictures and targets."""

    pixels: Tensor  # (N, side, side, 3) uint8
    labels: dict[str, Tensor]  # head -> (N,) index, the last index for "none", -1 for nobody said
    soft: Tensor  # (N, T) the teacher's logits


class Shelf(msgspec.Struct, frozen=True, eq=False):
    """Samples with their pixels and targets in memory."""

    samples: list[Sample]
    pictures: list[U8]
    labels: dict[str, Tensor]
    soft: F32  # (N, T)


def shelve(samples: list[Sample], lists: dict[str, TagList], soft: dict[str, F32]) -> Shelf:
    """Read every sample once; what is larger than KEPT_SIDE is shrunk. 2 GB for ten thousand."""
    pictures = [_small(read(s)) for s in tqdm(samples, "read", disable=None)]
    labels = {
        head: torch.tensor([_label(s, head, lists[head]) for s in samples])
        for head in SOFTMAX_HEADS
    }
    return Shelf(samples, pictures, labels, np.stack([soft[s.key] for s in samples]))


def _small(rgb: U8) -> U8:
    height, width = rgb.shape[:2]
    if max(height, width) <= KEPT_SIDE:
        return rgb.copy()
    share = KEPT_SIDE / max(height, width)
    spec = InputSpec(height=max(1, round(height * share)), width=max(1, round(width * share)))
    return pixels.fit(rgb, spec)


def _label(sample: Sample, head: str, tags: TagList) -> int:
    if sample.head == head:
        return tags.tags.index(sample.tag)
    return -1 if sample.head == "" else len(tags.tags)


def batches(shelf: Shelf, settings: Settings, epoch: int) -> Iterator[Batch]:
    """One epoch in random order, the same order and the same views for the same seed and epoch."""
    draw = np.random.default_rng((settings.seed, epoch))
    side = side_at(epoch, settings)
    spec = InputSpec(height=side, width=side)
    order = _order(shelf, settings)
    draw.shuffle(order)
    for start in range(0, len(order) - settings.batch + 1, settings.batch):
        chosen = order[start : start + settings.batch]
        seen = np.stack([view(shelf.pictures[i], spec, draw) for i in chosen])
        labels = {head: values[chosen] for head, values in shelf.labels.items()}
        yield Batch(torch.from_numpy(seen), labels, torch.from_numpy(shelf.soft[chosen]))


def loss_of(outputs: dict[str, Tensor], batch: Batch, settings: Settings) -> Tensor:
    """Labels where a person gave one, the teacher everywhere."""
    total = torch.zeros(())
    for head, label in batch.labels.items():
        logits = outputs[head].float()  # (N, T + 1)
        each = F.cross_entropy(
            logits, label, ignore_index=-1, label_smoothing=settings.smoothing, reduction="none"
        )  # (N,)
        weight = torch.where(label == logits.shape[1] - 1, settings.none_weight, 1.0)  # (N,)
        total = total + (each * weight).mean()
    student = outputs["tags"].float()  # (N, T)
    soft = batch.soft.softmax(1)  # (N, T)
    order = F.kl_div(student.log_softmax(1), soft, reduction="batchmean")
    # Summed over the tags, because nearly all of a thousand targets are nearly 0.
    sure = F.binary_cross_entropy_with_logits(student, soft, reduction="none").sum(1).mean()
    return total + settings.soft_weight * (order + 0.5 * sure)


def start(lists: dict[str, TagList], weights: Path, shelf: Shelf, settings: Settings) -> Student:
    """A student with stock weights, batch norm restored, and a `tags` head that fits a sigmoid."""
    torch.manual_seed(settings.seed)
    sizes = {head: len(tags.tags) + (head in SOFTMAX_HEADS) for head, tags in lists.items()}
    student = Student(sizes)
    teachers.load_into(student, weights)
    draw = np.random.default_rng(settings.seed)
    spec = InputSpec(height=settings.side, width=settings.side)
    chosen = draw.choice(len(shelf.pictures), min(384, len(shelf.pictures)), replace=False)
    x = normalise(torch.from_numpy(np.stack([view(shelf.pictures[i], spec, draw) for i in chosen])))
    teachers.restore_norm(student, x)
    with torch.no_grad():  # a softmax does not care for a common shift, a sigmoid does
        student.heads["tags"].bias -= student(x)["tags"].logsumexp(1).mean()
    return student


def lr_at(step: int, steps: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    if step < settings.warm_up:
        return settings.lr * (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(1, steps - settings.warm_up)
    return settings.lr * 0.5 * (1 + math.cos(math.pi * along))


def side_at(epoch: int, settings: Settings) -> int:
    """Picture side of an epoch, px: grows in steps of 32 (Tan and Le 2021, arXiv:2104.00298)."""
    steps = (settings.side - settings.first_side) // 32 + 1
    return settings.first_side + 32 * (epoch * steps // settings.epochs)


@torch.no_grad()
def accuracy(student: Student, shelf: Shelf, side: int) -> dict[str, float]:
    """Top-1 of every softmax head on a shelf's pictures; "none" is not a guess."""
    student.eval()
    spec = InputSpec(height=side, width=side)
    right: dict[str, list[bool]] = {head: [] for head in SOFTMAX_HEADS}
    for first in range(0, len(shelf.pictures), 64):
        x = normalise(torch.from_numpy(pixels.batch(shelf.pictures[first : first + 64], spec)))
        with torch.autocast("cpu", torch.bfloat16):
            outputs = student(x.contiguous(memory_format=torch.channels_last))
        for i, sample in enumerate(shelf.samples[first : first + 64]):
            if sample.head in right:
                best = int(outputs[sample.head][i, :-1].argmax())
                right[sample.head].append(best == int(shelf.labels[sample.head][first + i]))
    return {head: float(np.mean(hits)) for head, hits in right.items() if hits}


def finetune(train: Shelf, val: Shelf, student: Student, settings: Settings, out: Path) -> Student:
    """Train to the end, from the last whole epoch in `out`. Returns the averaged student."""
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # torch's threads need the cores more
    student = student.to(memory_format=torch.channels_last)
    average = copy.deepcopy(student)
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
    )
    first = _resume(out / "checkpoint.pt", student, average, optimizer)
    per_epoch = _order(train, settings).size // settings.batch
    steps = per_epoch * settings.epochs
    for epoch in range(first, settings.epochs):
        student.train()
        torch.manual_seed(settings.seed + 1000 * epoch)  # a resumed epoch drops what it would have
        bar = tqdm(
            batches(train, settings, epoch),
            f"epoch {epoch + 1}/{settings.epochs}",
            per_epoch,
            disable=None,
        )
        for i, batch in enumerate(bar):
            step = epoch * per_epoch + i
            for group in optimizer.param_groups:
                group["lr"] = lr_at(step, steps, settings)
            x = normalise(batch.pixels).contiguous(
                memory_format=torch.channels_last
            )  # (N, 3, side, side)
            with torch.autocast("cpu", torch.bfloat16):
                outputs = student(x)
            loss = loss_of(outputs, batch, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            _follow(average, student, min(settings.ema, (step + 1) / (step + 10)))
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        line = {
            "epoch": epoch + 1,
            "loss": loss.item(),
            **accuracy(average, val, settings.final_side),
        }
        with (out / "log.jsonl").open("ab") as log:
            log.write(msgspec.json.encode(line) + b"\n")
        _save(out / "checkpoint.pt", student, average, optimizer, epoch + 1)
    save(average, msgspec.to_builtins(settings), out / "student.safetensors")
    return average


def _order(shelf: Shelf, settings: Settings) -> NDArray[np.int64]:
    """Which samples an epoch shows, before they are shuffled."""
    repeats = [settings.fish_repeats if s.head == "fish" else 1 for s in shelf.samples]
    return np.repeat(np.arange(len(repeats)), repeats)


@torch.no_grad()
def _follow(average: Student, student: Student, keep: float) -> None:
    for mine, new in zip(average.state_dict().values(), student.state_dict().values()):
        if mine.dtype.is_floating_point:
            mine.mul_(keep).add_(new, alpha=1 - keep)
        else:
            mine.copy_(new)


def _save(
    file: Path, student: Student, average: Student, optimizer: torch.optim.Optimizer, epoch: int
) -> None:
    temporary = file.with_suffix(".tmp")
    parts = {"student": student.state_dict(), "average": average.state_dict()}
    torch.save({**parts, "optimizer": optimizer.state_dict(), "epoch": epoch}, temporary)
    temporary.rename(file)


def _resume(
    file: Path, student: Student, average: Student, optimizer: torch.optim.Optimizer
) -> int:
    if not file.exists():
        return 0
    saved = torch.load(file, weights_only=True)
    student.load_state_dict(saved["student"])
    average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["epoch"])
