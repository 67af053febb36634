"""Pictures to quantise with: some for the ranges, others to judge the methods by, none held out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures import calibration_set, pixels
from edge.records import U8
from quantize.errors import WorkshopError
from quantize.int8.gate import Limits, Truth
from quantize.int8.score import Kind
from quantize.pictures import Sample, TagList, pictures_of, read
from quantize.students import Student
from quantize.training.shelf import small
from quantize.training.views import view

JUDGING = 3  # one picture in so many judges
FEWEST = 12  # pictures in all
MOST = 3000  # to tune with: they wait in memory


class Calibration(msgspec.Struct, frozen=True, eq=False):
    """Two parts that share no picture."""

    ranges: U8  # (N, H, W, 3)
    judging: U8  # (M, H, W, 3)
    judged: tuple[Sample, ...]  # what is known of the latter
    left_out: tuple[str, ...]  # files that could not be read, and why
    labels: tuple[Sample, ...] = ()  # every row about what judges: a shirt may be red, too


def from_folder(samples: Sequence[Sample], count: int, spec: InputSpec, seed: int) -> Calibration:
    """`count` of the samples at random, the same ones each time.

    Those that judge are seen as in training: of a picture that it learned from, as it is, the
    student is so sure that no rounding shows.
    """
    once = pictures_of(samples)
    found = _read(random.Random(seed).sample(once, len(once)), count, spec)
    draw = np.random.default_rng(seed)
    hard = np.stack([view(read(sample), spec, draw) for sample in found.judged])
    judged = {sample.place for sample in found.judged}
    labels = tuple(sample for sample in samples if sample.place in judged)
    return msgspec.structs.replace(found, judging=hard, labels=labels)


def from_set(folder: Path, count: int, spec: InputSpec) -> Calibration:
    """A set that `edge-tag capture` made: the scenes of the very camera. Raises SourceError."""
    files = calibration_set.read_set(folder)
    step = max(1, len(files) // count)
    return _read([Sample(file, "", "", "train") for file in files[::step]], count, spec)


def learning(
    samples: Sequence[Sample], calibration: Calibration, count: int, seed: int
) -> Sequence[U8]:
    """Up to `count` pictures to tune a student with, MOST at most; none of those that judge."""
    judging = {sample.place for sample in calibration.judged}
    rest = [sample for sample in pictures_of(samples) if sample.place not in judging]
    chosen = random.Random(seed + 1).sample(rest, min(len(rest), count, MOST))
    bar = tqdm(chosen, "pictures", disable=None, leave=False)
    return [seen for seen in map(_kept, bar) if seen is not None] or list(calibration.ranges)


def _kept(sample: Sample) -> U8 | None:
    """(H, W, 3) as training keeps them; None where it cannot be read."""
    try:
        return small(read(sample))
    except (SourceError, OSError):
        return None


def _seen(sample: Sample, spec: InputSpec) -> U8 | str:
    """(H, W, 3), or why not."""
    try:
        return np.asarray(pixels.batch([read(sample)], spec)[0])
    except (SourceError, OSError) as e:
        return str(e)


def _first(
    samples: Iterable[Sample], count: int, spec: InputSpec
) -> tuple[list[tuple[Sample, U8]], list[str]]:
    """The first `count` that can be read, as they are seen; why those before them cannot."""
    found: list[tuple[Sample, U8]] = []
    left_out: list[str] = []
    bar = tqdm(samples, "pictures", disable=None, leave=False)
    for sample in bar:
        if len(found) == count:
            break
        seen = _seen(sample, spec)
        if isinstance(seen, str):
            left_out.append(seen)
        else:
            found.append((sample, seen))
    bar.close()
    return found, left_out


def _read(samples: Iterable[Sample], count: int, spec: InputSpec) -> Calibration:
    found, left_out = _first(samples, count, spec)
    if len(found) < FEWEST:
        raise WorkshopError(
            "pictures",
            f"{len(found)} that can be read" + (f" ({left_out[0]})" if left_out else ""),
            f"{FEWEST} at least, better 300",
            "give more with --images, or none held out: rows with split train",
        )
    judging, ranges = found[::JUDGING], [f for i, f in enumerate(found) if i % JUDGING]
    return Calibration(
        np.stack([p for _, p in ranges]),
        np.stack([p for _, p in judging]),
        tuple(s for s, _ in judging),
        tuple(left_out),
    )


def kinds_of(lists: Mapping[str, TagList], sizes: Mapping[str, int]) -> dict[str, Kind]:
    """A head with one logit more than tags is a softmax whose last one means none of them.

    Raises WorkshopError when tags and logits do not fit.
    """
    found: dict[str, Kind] = {}
    for head, size in sizes.items():
        tags = len(lists[head].tags) if head in lists else -1
        if size not in (tags, tags + 1):
            raise WorkshopError(
                "tags.json",
                f"{max(tags, 0)} tags for head {head!r}",
                f"{size}, or {size - 1} and one logit for none of them",
                "give the tags.json of this student",
            )
        found[head] = "softmax" if size > tags else "multilabel"
    return found


def sizes_of(student: Student) -> dict[str, int]:
    """Head -> its number of logits."""
    return {name: len(head.weight) for name, head in student.heads.items()}  # type: ignore[arg-type]


def truths_of(
    lists: Mapping[str, TagList],
    kinds: Mapping[str, Kind],
    calibration: Calibration,
    limits: Limits,
) -> dict[str, Truth]:
    """Labels of the judging pictures, each once, for the softmax heads that have enough of them.

    Enough is so many that one picture less shows within the limit; else the float's belief judges,
    which needs no label and is finer than a few pictures.
    """
    found = {}
    for head, kind in kinds.items():
        rows, labels = _said(head, lists[head], calibration)
        is_enough = kind == "softmax" and len(rows) * limits.points >= 100
        found[head] = Truth(kind, labels, rows=rows) if is_enough else Truth(kind)
    return found


def _said(head: str, tags: TagList, calibration: Calibration) -> NDArray[np.int64]:
    """(2, n): which picture each label is about, and the logit that is right."""
    place = {sample.place: i for i, sample in enumerate(calibration.judged)}
    number = {tag: i for i, tag in enumerate(tags.tags)}
    mine = [r for r in calibration.labels if r.head == head and r.tag in number]
    pairs = sorted((place[r.place], number[r.tag]) for r in mine)
    return np.array(pairs, np.int64).reshape(-1, 2).T
