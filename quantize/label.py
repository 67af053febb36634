"""Stage `label`: what the teacher thinks of every sample, once, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from edge import pixels
from edge.bundle import InputSpec
from edge.errors import SourceError
from edge.records import F32
from quantize.data import Sample, read
from quantize.teachers import Teacher

SHARD = 1000


def label(samples: list[Sample], teacher_file: Path, out: Path) -> dict[str, F32]:
    """Soft targets: key -> (1000,) logits. Resumes: what is in `out` is not done again."""
    out.mkdir(parents=True, exist_ok=True)
    known = load(out)
    todo = [s for s in samples if s.key not in known]
    teacher = Teacher(teacher_file)
    spec = InputSpec(height=int(teacher.height), width=int(teacher.width))
    shard: dict[str, F32] = {}
    for sample in tqdm(todo, "label", disable=None):
        try:
            shard[sample.key] = teacher.logits(pixels.fit(read(sample), spec))
        except SourceError as e:
            tqdm.write(f"left out: {e}")
        if len(shard) == SHARD:
            known |= _write(shard, out)
            shard = {}
    return known | _write(shard, out)


def load(folder: Path) -> dict[str, F32]:
    """Every soft target in a folder that `label` wrote."""
    targets: dict[str, F32] = {}
    for file in sorted(folder.glob("soft-*.safetensors")):
        targets |= {k: v.astype(np.float32) for k, v in load_file(file).items()}
    return targets


def _write(shard: dict[str, F32], out: Path) -> dict[str, F32]:
    if shard:
        number = len(list(out.glob("soft-*.safetensors")))
        half = {k: v.astype(np.float16) for k, v in shard.items()}
        temporary = out / "writing.tmp"
        save_file(half, temporary)
        temporary.rename(out / f"soft-{number:03d}.safetensors")
    return shard
