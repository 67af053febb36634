"""Crops -> a network that outlines the fish in their middle; and how well it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from edge.records import F32, U8
from quantize import disk
from quantize.errors import WorkshopError
from quantize.fish.grounds import Grounds
from quantize.fish.mask_ap import MaskSet, ious, mask_ap
from quantize.fish.network import STRIDE, Outline
from quantize.fish.outlines import NONE, crops
from quantize.fish.settings import OutlineSettings
from quantize.fish.shots import ANY, MASK
from quantize.students import normalise
from quantize.training.loop import Schedule, fit

EDGE_WEIGHT = 3.0  # of the cells that an edge runs through against the others
# Logits by which the fish that is meant is drawn larger: a tail left out costs more than a rim too
# many. Lengths of crops nobody learned from are then 7.6 % off on average instead of 8.3, overlap
# loses 0.004.
GENEROUS = 1.0


class Crops(msgspec.Struct, frozen=True, eq=False):
    """N of them."""

    seen: U8  # (N, side, side, 3)
    planes: U8  # (N, side, side): bits MASK and ANY, see outlines.Crop
    is_hidden: np.ndarray  # type: ignore[type-arg] # (N,) something lies over a part
    is_far: np.ndarray  # type: ignore[type-arg] # (N,) a frame as a whole: no fish is meant

    @property
    def masks(self) -> np.ndarray:  # type: ignore[type-arg]
        """(N, side, side) True where the fish that is meant shows."""
        return (self.planes & MASK) > 0


def crops_of_seed(file: Path, seed: int, count: int, side: int, grounds: Grounds = NONE) -> Crops:
    """The crops of a seed; from `file`, where an earlier run left them."""
    if not file.exists():
        bar = tqdm(
            crops(seed, count, side, grounds), f"make {file.stem}", count, unit="crop", disable=None
        )
        every = list(bar)
        with disk.replacing(file) as stream:
            np.savez_compressed(stream, seen=np.stack([c.seen for c in every]),
                                planes=np.stack([c.planes for c in every]),
                                is_hidden=np.array([c.is_hidden for c in every]),
                                is_far=np.array([c.is_far for c in every]))  # fmt: skip
    with np.load(file, allow_pickle=False) as stored:
        return Crops(*(stored[name] for name in ("seen", "planes", "is_hidden", "is_far")))


def check_judging(crops: Crops) -> None:
    """Raises WorkshopError when a fish is meant in none of them: nothing can be judged by them."""
    if not crops.masks.any():
        found = f"no fish in the middle of {len(crops.seen)} crops"
        raise WorkshopError("--judged", found, "some", "--judged 200")


def learn(
    outline: Outline, taught: Crops, asked: Crops, settings: OutlineSettings, out: Path
) -> Outline:
    """The whole network; `out` holds its checkpoint. The trunk's statistics stay the student's."""
    steps = max(1, len(taught.seen) // settings.batch)
    schedule = Schedule(settings.epochs, steps, settings.lr, settings.weight_decay,
                        settings.epochs * steps // 30, seed=settings.seed)  # fmt: skip
    return fit(
        outline,
        lambda epoch: _batches(taught, settings, epoch),
        lambda model, batch: loss_of(
            model(batch.pixels)["mask"].float(), batch.wanted, batch.counts
        ),
        schedule,
        out,
        lambda average: judge(answers(average, asked.seen), asked),
        steady=[outline.trunk],
    )


@torch.no_grad()
def drawn_larger(outline: Outline) -> None:
    """By GENEROUS, once it has learned."""
    bias = outline.neck.tell.bias
    assert bias is not None
    bias[0] += GENEROUS


def loss_of(logits: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """Cross entropy, edges first, and Dice.

    logits  (N, 2 * cells): the fish that is meant, and any
    wanted  (N, 2, rows, columns) 0..1
    counts  (N, 2) 0 where a plane has no truth
    """
    told = logits.reshape(wanted.shape)
    is_edge = ((wanted > 0.02) & (wanted < 0.98)).float()
    each = F.binary_cross_entropy_with_logits(told, wanted, reduction="none")
    entropy = (each * (1 + EDGE_WEIGHT * is_edge)).mean((2, 3))
    p = torch.sigmoid(told)
    both = (p * wanted).sum((2, 3)) + 1
    dice = 1 - 2 * both / (p.sum((2, 3)) + wanted.sum((2, 3)) + 2)
    return ((entropy + dice) * counts).sum() / counts.sum().clamp(min=1)


@torch.no_grad()
def answers(outline: Outline, seen: U8) -> F32:
    """(N, cells)"""
    rows = [
        outline(normalise(torch.from_numpy(seen[i : i + 16])))["mask"]
        for i in range(0, len(seen), 16)
    ]
    return np.asarray(torch.cat(rows).numpy(), np.float32)


def judge(logits: F32, truth: Crops) -> dict[str, float]:
    """Mask mAP and mean overlap (IoU) of the fish that are meant, of all crops and of those that
    something hides or not; and the overlap of all fish in frames as a whole.
    """
    side = truth.seen.shape[1]
    meant, every = np.split(logits, 2, axis=1)
    masks, wanted = enlarged(meant, side), truth.masks
    near = wanted.any((1, 2))
    found = {"IoU": _overlap(masks[near], wanted[near])}
    for name, held in (("all", near), ("apart", near & ~truth.is_hidden),
                       ("hidden", near & truth.is_hidden)):  # fmt: skip
        if held.any():
            found[f"mAP {name}"] = _ap(masks[held], wanted[held], meant[held])
    some = truth.is_far & ((truth.planes & ANY) > 0).any((1, 2))
    if some.any():
        found["IoU far"] = _overlap(enlarged(every[some], side), (truth.planes[some] & ANY) > 0)
    return found


def _overlap(masks: np.ndarray, wanted: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(np.mean([ious(m[None], w[None])[0, 0] for m, w in zip(masks, wanted)]))


def enlarged(logits: F32, side: int) -> np.ndarray:  # type: ignore[type-arg]
    """(N, cells) -> (N, side, side) True where the fish is, edges between cells."""
    cells = side // STRIDE
    rows = [cv2.resize(row.reshape(cells, cells), (side, side)) > 0 for row in logits]
    return np.stack(rows)


def _ap(masks: np.ndarray, wanted: np.ndarray, logits: F32) -> float:  # type: ignore[type-arg]
    sure = 1 / (1 + np.exp(-np.abs(logits).mean(1)))
    one = np.zeros(1, np.int64)
    found = [MaskSet(m[None], one, s[None].astype(np.float64)) for m, s in zip(masks, sure)]
    return mask_ap(found, [MaskSet(w[None], one, np.zeros(1)) for w in wanted])["mAP"]


class _Batch(msgspec.Struct, frozen=True, eq=False):
    """What a step sees."""

    pixels: Tensor  # (N, 3, side, side) normalised
    wanted: Tensor  # (N, 2, rows, columns) the share of each cell that is fish
    counts: Tensor  # (N, 2) 0 where that is not known


def _batches(taught: Crops, settings: OutlineSettings, epoch: int) -> Iterator[_Batch]:
    """All crops in an order of the epoch's own, each batch turned and mirrored in some way."""
    draw = np.random.default_rng([settings.seed, epoch])
    order = draw.permutation(len(taught.seen))
    for start in range(0, len(order) - settings.batch + 1, settings.batch):
        chosen = np.sort(order[start : start + settings.batch])
        yield _batch(taught, chosen, int(draw.integers(4)), bool(draw.integers(2)))


def _batch(
    taught: Crops,
    chosen: np.ndarray,  # type: ignore[type-arg]
    quarters: int,
    is_mirrored: bool,
) -> _Batch:
    seen, planes = (
        np.rot90(rows[chosen], quarters, (1, 2)) for rows in (taught.seen, taught.planes)
    )
    if is_mirrored:
        seen, planes = seen[:, :, ::-1], planes[:, :, ::-1]
    pixels = normalise(torch.from_numpy(np.ascontiguousarray(seen)))
    wanted = np.stack([(planes & bit) > 0 for bit in (MASK, ANY)], 1).astype(np.float32)
    counts = np.stack([~taught.is_far[chosen], np.ones(len(chosen), bool)], 1).astype(np.float32)
    cells = F.avg_pool2d(torch.from_numpy(wanted), STRIDE)
    return _Batch(pixels, cells, torch.from_numpy(counts))
