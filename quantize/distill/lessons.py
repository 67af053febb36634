"""What a student is shown in distillation, one epoch after the other.

A picture's view depends on the seed, the epoch and the picture alone, so several processes that
share an epoch out see exactly what one process would see.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.bundle.manifest import InputSpec
from edge.records import U8
from quantize.distill.course import Course
from quantize.training.distributed import Group
from quantize.training.views import view

T = TypeVar("T")
Indices = NDArray[np.int64]
AHEAD = 3  # batches that threads prepare while the student learns
THREADS = 8  # at most; more do not help one student


class Lesson(msgspec.Struct, frozen=True, eq=False):
    """One step's pictures, and what the teacher said of them."""

    pixels: Tensor  # (N, side, side, 3) uint8
    logits: Tensor  # (N, T)
    feature: Tensor | None  # (N, D); None: the teacher gave none, or nobody asks

    def to(self, device: torch.device) -> Lesson:
        """The same, where the student is."""
        feature = None if self.feature is None else self.feature.to(device)
        return Lesson(self.pixels.to(device), self.logits.to(device), feature)


def steps_an_epoch(count: int, batch: int) -> int:
    """Whole batches of `count` pictures; what is left over has its turn in another epoch."""
    return count // batch


def lessons(
    course: Course, batch: int, side: int, seed: int, group: Group, epoch: int
) -> Iterator[Lesson]:
    """This process's part of every batch of one epoch, in a random order."""
    order = np.random.default_rng((seed, epoch)).permutation(len(course.pictures))
    whole = order[: len(order) // batch * batch].reshape(-1, batch)
    spec = InputSpec(height=side, width=side)

    def seen(i: int) -> U8:
        return view(course.pictures[i], spec, np.random.default_rng((seed, epoch, i)))

    parts = [group.part(chosen) for chosen in whole]
    with ThreadPoolExecutor(_threads(group)) as pool:
        for part, views in zip(parts, _ahead(pool, seen, parts)):
            yield Lesson(
                torch.from_numpy(np.stack(views)),
                torch.from_numpy(course.logits[part]),
                None if course.feature is None else torch.from_numpy(course.feature[part]),
            )


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[int], T], parts: Iterable[Indices]
) -> Iterator[list[T]]:
    """`work` of every index of every part, in order, AHEAD parts in advance."""
    waiting: deque[list[Future[T]]] = deque()
    rest = iter(parts)
    try:
        while True:
            for part in islice(rest, AHEAD - len(waiting)):
                waiting.append([pool.submit(work, int(i)) for i in part])
            if not waiting:
                return
            yield [future.result() for future in waiting.popleft()]
    finally:  # nobody wants the rest, or one picture failed
        for future in (f for part in waiting for f in part):
            future.cancel()


def _threads(group: Group) -> int:
    return max(1, min(THREADS, (os.cpu_count() or 1) // group.world))
