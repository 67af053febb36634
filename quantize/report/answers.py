"""Every picture through every artifact, one picture at a time as a device does it; milliseconds."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from tqdm import tqdm

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.int8.gate import EMBEDDING
from quantize.pictures import Sample, read
from quantize.report.opened import Opened
from quantize.report.records import LeftOut, Machine, Timing

ROUNDS = 60  # of the interleaved timing
WARM_UP = 5

Logits = dict[str, F32]  # head -> (N, T) or (N, T + 1); EMBEDDING -> (N, D)


class Answers(msgspec.Struct, frozen=True, eq=False):
    """What every artifact said of every picture that could be read."""

    pictures: list[Sample]
    logits: list[Logits]  # one an artifact, rows in the order of `pictures`
    left_out: list[LeftOut]
    example: U8  # (1, H, W, 3) a picture to take times with


def ask(opened: Sequence[Opened], pictures: Sequence[Sample], spec: InputSpec) -> Answers:
    """Raises WorkshopError when no picture can be read, or an answer is not a finite number."""
    kept: list[Sample] = []
    left_out: list[LeftOut] = []
    rows: list[dict[str, list[F32]]] = [{name: [] for name in output_tensors(o)} for o in opened]
    example: U8 | None = None
    for sample in tqdm(pictures, "compare", disable=None):
        try:
            batch = pixels.batch([read(sample)], spec)
        except (SourceError, OSError, ValueError) as e:  # ValueError: a box outside the picture
            left_out.append(LeftOut(str(sample.file), _reason(e, sample)))
            continue
        kept.append(sample)
        example = batch if example is None else example
        for one, found in zip(opened, rows):
            for head, row in _answer(one, batch, sample):
                found[head].append(row)
    if example is None:
        raise WorkshopError(
            f"{len(pictures)} pictures",
            f"none can be read; the first: {left_out[0].reason}",
            "pictures",
            "--images OTHER",
        )
    logits = [{head: np.stack(found) for head, found in one.items()} for one in rows]
    return Answers(kept, logits, left_out, example)


def output_tensors(one: Opened) -> dict[str, str]:
    """Head, or EMBEDDING -> tensor."""
    return one.tensors | ({EMBEDDING: one.embedding} if one.embedding else {})


def _answer(one: Opened, batch: U8, sample: Sample) -> Iterator[tuple[str, F32]]:
    outputs = one.engine.run(batch)
    for head, tensor in output_tensors(one).items():
        row = outputs[tensor][0]
        if not np.isfinite(row).all():
            raise WorkshopError(
                one.model.where,
                f"output {head!r} answers {sample.file} with {row[~np.isfinite(row)][0]}",
                "numbers",
                "the artifact is broken: export or quantize again",
            )
        yield head, row


def _reason(error: Exception, sample: Sample) -> str:
    """Without the path, which stands beside it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error).removeprefix(f"{sample.file}: ")


def times(opened: Sequence[Opened], picture: U8, rounds: int = ROUNDS) -> list[Timing]:
    """Median and spread of each engine, interleaved so that a busy machine is busy for all."""
    for one in opened:
        for _ in range(WARM_UP):
            one.engine.run(picture)
    taken: list[list[float]] = [[] for _ in opened]
    for turn in range(rounds):
        order = range(len(opened)) if turn % 2 == 0 else reversed(range(len(opened)))  # ABBA
        for i in order:
            start = time.perf_counter()
            opened[i].engine.run(picture)
            taken[i].append((time.perf_counter() - start) * 1e3)
    return [Timing(*(round(float(np.percentile(ms, p)), 3) for p in (50, 10, 90))) for ms in taken]


def machine() -> Machine:
    """The processor, cores and load: without them a time says nothing."""
    name = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    for line in about.read_text("utf-8").splitlines() if about.exists() else []:
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Machine(name, os.cpu_count() or 1, round(load, 1))
