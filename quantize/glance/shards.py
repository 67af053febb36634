"""Frames and their truth on disk, a few hundred a file: composing them is what takes long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from tqdm import tqdm

from calib_data.composed import Thing
from edge.records import U8
from quantize.glance.scenes import Example, Shown, examples

EACH = 120  # frames a file


def composed(
    things: Sequence[Thing],
    canvases: Sequence[Path | None],
    seed: int,
    count: int,
    side: int,
    folder: Path,
) -> list[Path]:
    """`count` frames in files of EACH; those that an earlier run finished are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{seed}-{n:04d}.npz" for n in range(-(-count // EACH))]
    bar = tqdm(total=count, desc="compose", unit="frame", disable=None)
    for n, file in enumerate(files):
        held = min(EACH, count - n * EACH)
        if not file.exists():
            # A seed of its own each, so that a file needs none of those before it.
            made = examples(things, canvases, seed * 1000 + n, held, side)
            _write(file, [_counted(example, bar) for example in islice(made, held)])
        else:
            bar.update(held)
    bar.close()
    return files


def read(files: Sequence[Path]) -> Iterator[Example]:
    """Every frame, in order."""
    for file in files:
        with np.load(file, allow_pickle=False) as stored:
            seen: U8 = stored["seen"]
            truth = msgspec.json.decode(
                bytes(stored["truth"]), type=list[tuple[tuple[Shown, ...], tuple[int, int]]]
            )
        for pixels, (shown, size) in zip(seen, truth, strict=True):
            yield Example(pixels, shown, size)


def _counted(example: Example, bar: tqdm) -> Example:
    bar.update()
    return example


def _write(file: Path, made: Sequence[Example]) -> None:
    truth = msgspec.json.encode([(e.shown, e.size) for e in made])
    temporary = file.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        seen=np.stack([e.seen for e in made]),
        truth=np.frombuffer(truth, np.uint8),
    )
    temporary.rename(file)
