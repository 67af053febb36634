"""Frames and their truth on disk, a few dozen a file: composing them is what takes long."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from edge.records import U8
from quantize import disk
from quantize.glance.scenes import Example, Order, ShownThing, examples

EACH = 60  # frames a file

Truth = list[tuple[tuple[ShownThing, ...], tuple[int, int]]]


def composed(order: Order, folder: Path, name: str, workers: int | None = None) -> list[Path]:
    """The frames ordered, in files `name-0000.npz`, ... of EACH; those that an earlier run finished
    are not made again.

    workers   processes; None: as many as there are CPUs. The frames are the same, however many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}-{n:04d}.npz" for n in range(-(-order.count // EACH))]
    parts = [n for n, file in enumerate(files) if not file.exists()]
    asked = os.cpu_count() or 1 if workers is None else workers
    done = order.count - sum(_held(order, n) for n in parts)
    with tqdm(total=order.count, initial=done, desc=f"compose {name}", unit="frame",
              disable=None) as bar:  # fmt: skip
        for n in _made(order, files, parts, min(asked, len(parts))):
            bar.update(_held(order, n))
    return files


def read(files: Sequence[Path]) -> Iterator[Example]:
    """Every frame, in order."""
    for file in files:
        with np.load(file, allow_pickle=False) as stored:
            seen: U8 = stored["seen"]
            truth = msgspec.json.decode(bytes(stored["truth"]), type=Truth)
        for pixels, (shown, size) in zip(seen, truth, strict=True):
            yield Example(pixels, shown, size)


def _held(order: Order, part: int) -> int:
    return min(EACH, order.count - part * EACH)


def _made(order: Order, files: Sequence[Path], parts: Sequence[int], workers: int) -> Iterator[int]:
    """Number after number of the files that are finished."""
    if workers < 2:
        for n in parts:
            _make(order, files[n], n)
            yield n
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _alone) as pool:
        made = {pool.submit(_make, order, files[n], n): n for n in parts}
        try:
            for one in as_completed(made):
                one.result()
                yield made[one]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _alone() -> None:
    """One core a process; Ctrl-C is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _make(order: Order, file: Path, part: int) -> None:
    made = list(examples(order, part, _held(order, part)))
    truth = msgspec.json.encode([(e.shown, e.size) for e in made])
    with disk.replacing(file) as stream:
        seen = np.stack([e.seen for e in made])
        np.savez(stream, seen=seen, truth=np.frombuffer(truth, np.uint8))
