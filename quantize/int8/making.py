"""Engine by engine: back end, search, files and record. What is finished is not made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import torch
from tqdm import tqdm

from edge.records import U8
from quantize import disk
from quantize.errors import WorkshopError
from quantize.export import Deployed, artifact
from quantize.export.quiet import LOG
from quantize.export.writers import COPIES, floats_bytes
from quantize.int8 import record as records
from quantize.int8.backends import Backend, prepare
from quantize.int8.bench import Attempt, Candidate, Judge
from quantize.int8.calibration import Calibration
from quantize.int8.gate import Truth
from quantize.int8.qat import Tuned
from quantize.int8.record import Record
from quantize.int8.rounding import rounded
from quantize.int8.search import best, search
from quantize.int8.subject import Subject
from quantize.students import Network

BETWEEN = "between"  # folder of float files on the way; gone when the stage is done


class Work(msgspec.Struct, frozen=True, eq=False):
    """What stays the same for every engine."""

    student: Network  # folded
    seen: U8  # (N, H, W, 3), what the ranges are measured on
    judge: Callable[[str, Sequence[bytes]], Judge]  # engine, its float artifact -> the rules
    ranked: Sequence[str]  # units to keep in float, the one that hurts most first
    float_folder: Path  # what `export` wrote
    out: Path


def make(work: Work, engines: Sequence[str], made: Record, tuned: Tuned | None = None) -> Record:
    """`made` with the best int8 of these engines, from the student or from what it was tuned to."""
    if not engines:
        return made
    seen, is_tuned = work.seen, tuned is not None
    student, learned = (tuned.student, tuned.ranges) if tuned else (work.student, {})
    subject = Subject(Deployed(rounded(student, torch.from_numpy(seen))), student, learned)
    prepared: dict[str, Backend] = {}
    bar = tqdm(engines, disable=None)
    for engine in bar:
        bar.set_description(f"quantize {engine}" + (" after fine-tuning" if is_tuned else ""))
        between = work.out / BETWEEN
        disk.require(COPIES * floats_bytes(student), work.out)
        prepared[engine] = prepare(engine, subject, seen, between, prepared)
        made = _with(made, work.out, *_searched(work, engine, prepared[engine], is_tuned))
        records.write(made, work.out)
    return made


def _searched(
    work: Work, engine: str, backend: Backend, is_tuned: bool
) -> tuple[Candidate, list[Attempt]]:
    with closing(work.judge(engine, artifact(work.float_folder, engine))) as judge:
        return search(judge, backend, work.ranked, is_tuned)


def _with(made: Record, out: Path, chosen: Candidate, tried: list[Attempt]) -> Record:
    """Keep what is better: that, or what was kept before. Raises WorkshopError for nothing."""
    engine, everything = chosen.tried.engine, (*made.tried, *tried)
    before = made.kept.get(engine)
    if before is not None and best([Candidate(before.tried, []), chosen]).tried == before.tried:
        return msgspec.structs.replace(made, tried=everything)
    if chosen.tried.error:
        raise WorkshopError(
            engine,
            f"no method gives an int8 that runs ({chosen.tried.error})",
            "one at least",
            f"--engines without {engine}, or another student",
        )
    kept = {**made.kept, engine: records.store(chosen.tried, chosen.files, out)}
    return msgspec.structs.replace(made, tried=everything, kept=kept)


def earlier(out: Path) -> Record | None:
    """What a stopped run finished: the engines whose files are as it left them."""
    return records.matching(out) if (out / records.FILE).exists() else None


def counts(calibration: Calibration, truths: Mapping[str, Truth]) -> dict[str, int]:
    """Pictures, by what they were for, and labels of those that judge."""
    labels = {head: truth.labels for head, truth in truths.items() if truth.labels is not None}
    return {
        "ranges": len(calibration.ranges),
        "judging": len(calibration.judging),
        "left out": len(calibration.left_out),
        **{f"labelled {head}": len(said) for head, said in labels.items()},
    }


def tidy(out: Path) -> None:
    """What lay between is gone; what the converters said stays."""
    log = out / BETWEEN / LOG
    if log.exists():
        log.replace(out / LOG)
    shutil.rmtree(out / BETWEEN, ignore_errors=True)
