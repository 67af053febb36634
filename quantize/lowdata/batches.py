"""Batches of the low-data recipe: three views of a picture, the same for the same seed and step.

A step's batch depends on nothing but the settings and the step's number, so a run that was killed
goes on as if it had not been, and a vanilla run sees the very main views its rival sees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from edge.bundle import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import U8
from quantize.errors import WorkshopError
from quantize.lowdata.settings import RunSettings
from quantize.lowdata.views import (
    STRONG,
    WEAK,
    Preprocessing,
    crop_view,
    evaluation_view,
    main_view,
    middle,
)
from quantize.students import normalise
from quantize.training.precision import quick

KEPT_SIDE = 384  # px: pictures to learn from wait in memory at most this large
NORM_PICTURES = 64  # enough for the statistics of a batch norm


class TrainingSet(msgspec.Struct, frozen=True, eq=False):
    """Pictures to learn from, whole, and their labels."""

    pictures: Sequence[U8]
    labels: NDArray[np.int64]  # (N,)


class Batch(msgspec.Struct, frozen=True, eq=False):
    """A step's views: (N, side, side, 3) uint8, or (N, 3, side, side) once normalised."""

    main: Tensor
    crops: tuple[Tensor, ...]  # none, the strong one, or the strong and the weak one
    labels: Tensor  # (N,)


def batch_at(shown: TrainingSet, settings: RunSettings, step: int) -> Batch:
    """The batch of one step. Crops are drawn apart, so that main views do not depend on them."""
    chosen = picked(len(shown.labels), settings.batch, settings.seed, step)
    parts = [middle(shown.pictures[i], settings.middle) for i in chosen]
    whole = np.random.default_rng((settings.seed, step, 0))
    cut = np.random.default_rng((settings.seed, step, 1))
    sizes = {"vanilla": (), "single_crop": (STRONG,), "double_crop": (STRONG, WEAK)}
    return Batch(
        _stacked([main_view(part, settings.side, whole) for part in parts]),
        tuple(
            _stacked([crop_view(part, settings.side, size, cut) for part in parts])
            for size in sizes[settings.method]
        ),
        torch.from_numpy(shown.labels[chosen]),
    )


def picked(pictures: int, batch: int, seed: int, step: int) -> NDArray[np.int64]:
    """Which pictures a step shows: all of them once, in a random order, then all of them again."""
    places = np.arange(step * batch, (step + 1) * batch)
    rounds = {
        turn: np.random.default_rng((seed, turn)).permutation(pictures)
        for turn in {int(place) // pictures for place in places}
    }
    return np.array([rounds[int(p) // pictures][int(p) % pictures] for p in places], np.int64)


def unreadable(files: Iterable[Path]) -> dict[Path, str]:
    """What cannot be read -> why. Raises WorkshopError for a file that is not there."""
    files = list(files)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = tqdm(pool.map(_why_not, files), "look", len(files), disable=None, leave=False)
        return {file: why for file, why in zip(files, told) if why}


def _why_not(file: Path) -> str:
    try:
        _decoded(file)
    except (SourceError, OSError) as e:
        return str(e)
    return ""


def read_training_set(files: Sequence[Path], labels: Sequence[int]) -> TrainingSet:
    """Read pictures to learn from. Raises SourceError."""
    read = [_small(_decoded(file)) for file in tqdm(files, "read", disable=None, leave=False)]
    return TrainingSet(read, np.array(labels, np.int64))


def norm_pictures(shown: TrainingSet, settings: RunSettings) -> Tensor:
    """Main views, (N, 3, side, side) normalised: what weights without batch norm get theirs by."""
    draw = np.random.default_rng(settings.seed)
    chosen = draw.permutation(len(shown.labels))[:NORM_PICTURES]
    parts = [middle(shown.pictures[i], settings.middle) for i in chosen]
    return normalise(_stacked([main_view(part, settings.side, draw) for part in parts]))


def inputs(files: Sequence[Path], how: Preprocessing) -> U8:
    """Pictures to be judged on, as the network sees them: (N, side, side, 3)."""
    return np.stack([evaluation_view(_decoded(file), how) for file in files])


def judge_on(x: U8, labels: Sequence[int], head: str) -> Callable[[nn.Module], float]:
    """What asks a model about inputs (N, side, side, 3): gives the share it labels rightly."""
    wanted = torch.tensor(labels)

    @torch.no_grad()
    def judge(model: nn.Module) -> float:
        device = next(model.parameters()).device
        model.eval()
        right = 0
        for first in range(0, len(x), 32):
            now = normalise(torch.from_numpy(x[first : first + 32]).to(device))
            with quick(device):
                logits = model(now.contiguous(memory_format=torch.channels_last))[head]
            best = logits.float().argmax(1).cpu()
            right += int((best == wanted[first : first + 32]).sum())
        return right / len(x)

    return judge


def _stacked(views: Sequence[U8]) -> Tensor:
    return torch.from_numpy(np.stack(views))


def _decoded(file: Path) -> U8:
    try:
        return pixels.decode(file.read_bytes(), str(file))
    except FileNotFoundError as e:
        raise WorkshopError(
            file, "file is missing", "a picture that a split names", "--images FOLDER"
        ) from e


def _small(rgb: U8) -> U8:
    height, width = rgb.shape[:2]
    share = min(1.0, KEPT_SIDE / max(height, width))
    spec = InputSpec(height=max(1, round(height * share)), width=max(1, round(width * share)))
    return pixels.fit(rgb, spec)
