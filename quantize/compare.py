"""Stage `compare`: accuracy and time of every artifact on every engine installed.

Accuracy is top-1 on held-out pictures; for `tags`, where nobody labelled, how often the best tag is
the teacher's. Times are one picture, one thread, interleaved: read them against each other.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from tqdm import tqdm

from edge import pixels
from edge.bundle import Accuracy, InputSpec
from edge.engines import Engine, installed, open_engine
from edge.records import F32, U8
from quantize.data import Sample, TagList, read

ROUNDS = 60  # of the interleaved timing
FILES = {"onnxruntime": "student.onnx", "openvino": "student.onnx", "tflite": "student.tflite"}


class Model(msgspec.Struct, frozen=True):
    """An artifact as bytes."""

    engine: str
    precision: str
    data: bytes


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds a picture."""

    median: float
    p10: float
    p90: float


class Row(msgspec.Struct, frozen=True):
    """One artifact on one engine."""

    engine: str
    precision: str
    size_bytes: int
    ms: Timing
    accuracy: dict[str, Accuracy]


class Report(msgspec.Struct, frozen=True):
    """Everything `compare` measured, with where."""

    machine: str
    pictures: dict[str, int]  # head -> held-out pictures
    rows: list[Row]


def outputs_of(engine: Engine, pictures: U8, names: Sequence[str], what: str) -> dict[str, F32]:
    """Run every picture; `names` are the outputs in the artifact's order."""
    rows = [engine.run(p[None]) for p in tqdm(pictures, what, disable=None)]
    order = [o.name for o in engine.outputs]
    return {name: np.concatenate([r[key] for r in rows]) for name, key in zip(names, order)}


def accuracies(
    outputs: dict[str, F32], samples: list[Sample], lists: dict[str, TagList], soft: F32
) -> dict[str, Accuracy]:
    """Every head's accuracy. `soft`: (N, 1000) the teacher's logits."""
    found = {}
    for head, tags in lists.items():
        if head == "tags":
            found[head] = Accuracy(len(samples), _share(outputs[head].argmax(1) == soft.argmax(1)))
            continue
        mine = [i for i, s in enumerate(samples) if s.head == head]
        labels = np.array([tags.tags.index(samples[i].tag) for i in mine])
        right = outputs[head][mine, : len(tags.tags)].argmax(1) == labels
        by_tag = {tags.tags[t]: _share(right[labels == t]) for t in sorted(set(labels.tolist()))}
        found[head] = Accuracy(len(mine), _share(right), by_tag)
    return found


def _share(right: np.ndarray) -> float:
    return round(float(right.mean()), 4)


def times(engines: Sequence[Engine], picture: U8) -> list[Timing]:
    """Median and spread of each engine, interleaved so that a busy machine is busy for all."""
    for engine in engines:
        for _ in range(5):
            engine.run(picture)
    taken: list[list[float]] = [[] for _ in engines]
    for _ in range(ROUNDS):
        for ms, engine in zip(taken, engines):
            start = time.perf_counter()
            engine.run(picture)
            ms.append((time.perf_counter() - start) * 1e3)
    return [Timing(*(round(float(np.percentile(ms, p)), 3) for p in (50, 10, 90))) for ms in taken]


def compare(
    models: Sequence[Model],
    samples: list[Sample],
    lists: dict[str, TagList],
    soft: F32,
    spec: InputSpec,
) -> tuple[Report, dict[str, F32]]:
    """Measure every model whose engine is installed; also gives the outputs of the first int8 one.

    soft: (N, 1000) the teacher's logits for the N samples.
    """
    pictures = pixels.batch([read(s) for s in samples], spec)
    here = [m for m in models if m.engine in installed()]
    engines = [open_engine(m.engine, [m.data], threads=1) for m in here]
    names = ("embedding", *lists)
    found = [
        outputs_of(e, pictures, names, f"{m.engine} {m.precision}") for m, e in zip(here, engines)
    ]
    rows = [
        Row(m.engine, m.precision, len(m.data), ms, accuracies(outputs, samples, lists, soft))
        for m, ms, outputs in zip(here, times(engines, pictures[:1]), found)
    ]
    counts = {head: a.count for head, a in rows[0].accuracy.items()}
    first_int8 = next(o for m, o in zip(here, found) if m.precision == "int8")
    return Report(machine(), counts, rows), first_int8


def machine() -> str:
    """The processor, cores and load: without them a time says nothing."""
    name = platform.processor() or platform.machine()
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    ):
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def table(report: Report) -> str:
    """The report as a Markdown table."""
    heads = list(report.pictures)
    lines = [
        "| engine | precision | " + " | ".join(heads) + " | MB | ms a picture (p10 to p90) |",
        "|" + "---|" * (len(heads) + 4),
    ]
    for row in report.rows:
        shares = " | ".join(f"{100 * row.accuracy[h].top1:.1f}" for h in heads)
        ms = f"{row.ms.median:.2f} ({row.ms.p10:.2f} to {row.ms.p90:.2f})"
        lines.append(
            f"| {row.engine} | {row.precision} | {shares} | {row.size_bytes / 1e6:.2f} | {ms} |"
        )
    return "\n".join([*lines, "", f"One thread on {report.machine}."])
