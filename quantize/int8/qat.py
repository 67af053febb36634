"""Quantisation-aware fine-tuning: the student learns, from its own float self, to live on the grid.

For students that no post-training method brings through the gate. A few hundred steps; what comes
back is a folded student again, and goes through the same back ends.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edge.bundle import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.int8.fake import Grid, bare, faked, grids_of, spans_of
from quantize.int8.ranges import METHODS, Range
from quantize.int8.score import Kind, distances
from quantize.students import Network, normalise
from quantize.training.loop import Schedule, fit
from quantize.training.views import view

AN_EPOCH = 50  # steps, after which a checkpoint is written
RANGE_PICTURES = 16


class Tuning(msgspec.Struct, frozen=True):
    """How the student is tuned."""

    steps: int = 300
    lr: float = 2e-5  # ten times as much throws a network of fifty layers off
    batch: int = 32
    ema: float = 0.98
    seed: int = 0


class Tuned(msgspec.Struct, frozen=True, eq=False):
    """What came of it."""

    student: Network  # folded, kernels on the grid they were learned on
    ranges: dict[str, Range]  # layer -> the ends of what it reads


def tuned(
    student: Network,
    pictures: Sequence[U8],
    spec: InputSpec,
    kinds: Mapping[str, Kind],
    tuning: Tuning,
    out: Path,
) -> Tuned:
    """A copy of a folded student, tuned on views of pictures (H, W, 3) that need no labels.

    Views, half of the batches blended: of a picture that it learned from the student is so sure
    that no rounding shows. Goes on from the checkpoint in `out`, where one is.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    start = normalise(torch.from_numpy(pixels.batch(pictures[:RANGE_PICTURES], spec)))
    learner = _learner(student.eval(), start, kinds).to(device)
    teacher, start = copy.deepcopy(student).to(device), start.to(device)
    still = [m for m in learner.modules() if isinstance(m, nn.Dropout)]

    def batches(epoch: int) -> Iterator[Tensor]:
        draw = np.random.default_rng((tuning.seed, epoch))
        for _ in range(AN_EPOCH):
            chosen = draw.integers(0, len(pictures), tuning.batch)
            seen = np.stack([view(pictures[i], spec, draw) for i in chosen])
            share = draw.uniform(0, 0.5) if draw.random() < 0.5 else 0.0
            x = torch.from_numpy(seen).float()
            yield x + share * (x.flip(0) - x)

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        with torch.autocast(device, enabled=False):  # bf16 has fewer steps than int8
            x = normalise(batch.to(device))
            with torch.no_grad():
                wanted = teacher(x)
            return follow(model(x), wanted, kinds)

    @torch.no_grad()
    def judge(model: Network) -> dict[str, float]:
        found = distances(_logits(teacher(start)), _logits(model(start)), kinds)
        return {f"{head} dB": d.sqnr_db for head, d in found.items()}

    average = fit(learner, batches, loss, _schedule(tuning), out, judge, still).cpu()
    ends = {name: grid.ends() for name, grid in grids_of(average).items()}
    return Tuned(bare(average), {name: (low.item(), up.item()) for name, (low, up) in ends.items()})


@torch.no_grad()
def _learner(student: Network, x: Tensor, kinds: Mapping[str, Kind]) -> Network:
    """On grids by the method that hurts least: what is learned starts from the best there is."""
    exact, found = _logits(student(x)), {}
    learner, grids = faked(student, x)
    ends = spans_of(student, x, METHODS)
    for method, by_layer in ends.items():
        _span(grids, by_layer)
        heads = distances(exact, _logits(learner(x)), kinds)
        found[method] = min(head.sqnr_db for head in heads.values())
    _span(grids, ends[max(found, key=found.__getitem__)])
    return learner


def _span(grids: Mapping[str, Grid], ends: Mapping[str, Range]) -> None:
    for name, grid in grids.items():
        grid.span(*ends[name])


def _logits(outputs: Mapping[str, Tensor]) -> dict[str, F32]:
    return {name: out.cpu().numpy() for name, out in outputs.items()}


def follow(
    got: Mapping[str, Tensor], wanted: Mapping[str, Tensor], kinds: Mapping[str, Kind]
) -> Tensor:
    """How far (N, T) logits are from the float student's, and the embedding from its. A scalar.

    Kullback-Leibler for softmax heads; for multilabel ones binary cross-entropy above its least,
    summed over the tags; the embedding's squared error in shares of its variance.
    """
    exact = wanted["embedding"]
    total = F.mse_loss(got["embedding"], exact) / exact.var().clamp(min=1e-8)
    for head, kind in kinds.items():
        if kind == "softmax":
            logs = wanted[head].log_softmax(1)
            total = total + F.kl_div(
                got[head].log_softmax(1), logs, reduction="batchmean", log_target=True
            )
        else:
            sure = wanted[head].sigmoid()
            cross = F.binary_cross_entropy_with_logits
            above = cross(got[head], sure, reduction="none") - cross(
                wanted[head], sure, reduction="none"
            )
            total = total + above.sum(1).mean()
    return total


def _schedule(tuning: Tuning) -> Schedule:
    epochs = -(-tuning.steps // AN_EPOCH)
    steps = -(-tuning.steps // epochs)
    return Schedule(
        epochs, steps, tuning.lr, weight_decay=0.0, warm_up=min(20, tuning.steps // 5 + 1),
        ema=tuning.ema, seed=tuning.seed,
    )  # fmt: skip
