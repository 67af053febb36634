"""A tagger judged on an annotated picture set, in the five files of the published evaluation.

pred.txt     a line a picture, in the form of the annotations: the tags it was given
ap.txt       Tag,AP: percent
pr.txt       Tag,Precision,Recall: percent
summary.txt  mAP, CP, CR in percent, what was run, and every picture that could not be read
scores.safetensors   (pictures, tags) scores, so that thresholds can be tried again without running;
                     in place of upstream's logits.pth, which holds scores too and is a pickle
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tqdm import tqdm

from edge.errors import SourceError
from quantize import disk
from quantize.contents import sizes_digest
from quantize.errors import WorkshopError
from quantize.ram.annots import Annotations, written
from quantize.ram.metrics import average_precisions, precision_recall
from quantize.ram.opened import OpenTagger
from quantize.ram.preprocess import open_picture
from quantize.ram.vocabulary import Comparison, passing

F32 = NDArray[np.float32]
Unreadable = Literal["exclude", "zero"]
SCORES = "scores.safetensors"
SUFFIXES = ("", ".jpg", ".jpeg", ".png", ".webp")  # OpenImages' names have none


class Metrics(msgspec.Struct, frozen=True):
    """Shares of 1, not percent."""

    mean_ap: float
    class_precision: float
    class_recall: float
    ap: tuple[float, ...]  # a tag
    pictures: int  # that count
    unreadable: tuple[str, ...]


class Scores(msgspec.Struct, frozen=True):
    """`matrix` (pictures, tags); rows of unreadable pictures are 0."""

    matrix: F32
    unreadable: dict[int, str]  # row -> why


def evaluate(
    opened: OpenTagger,
    annotations: Annotations,
    pictures: Path,
    out: Path,
    *,
    batch: int = 8,
    unreadable: Unreadable = "exclude",
    comparison: Comparison = "inclusive",
) -> Metrics:
    """Score every picture, or take the scores of an earlier run in `out`, and write the files.

    unreadable  "exclude": missing and damaged pictures do not count; "zero": they count as scored 0
                on every tag. Either way they are listed; none is replaced by a black picture
    comparison  "inclusive" is how the published evaluation compares (its tagging is strict)

    Raises WorkshopError when the tags differ, no picture can be read, or `out` has the scores of
    something else.
    """
    if opened.tags != annotations.tags:
        raise WorkshopError(
            "evaluation",
            f"a tagger of {len(opened.tags)} tags",
            f"the {len(annotations.tags)} tags of the annotations, in their order",
            "OpenTagger.trimmed(annotations.tags), or with_labels for open tags",
        )
    out.mkdir(parents=True, exist_ok=True)
    scores = _scores(opened, annotations, pictures, out, batch)
    rows = [i for i in range(len(annotations.files)) if i not in scores.unreadable]
    if not rows:
        raise WorkshopError(
            pictures, "no picture can be read", "those of the annotations", "give another folder"
        )
    counted = rows if unreadable == "exclude" else list(range(len(annotations.files)))
    vocabulary = msgspec.structs.replace(opened.vocabulary, comparison=comparison)
    given = passing(vocabulary, scores.matrix)
    judged = _judged(annotations, scores, given, counted)
    _write(out, opened, annotations, judged, scores, given, counted)
    return judged


def _judged(
    annotations: Annotations, scores: Scores, given: NDArray[np.bool_], counted: Sequence[int]
) -> Metrics:
    truth = annotations.matrix()[counted]
    ap = average_precisions(scores.matrix[counted], truth)
    precision, recall = precision_recall(given[counted], truth)
    return Metrics(
        mean_ap=float(ap.mean()),
        class_precision=float(precision.mean()),
        class_recall=float(recall.mean()),
        ap=tuple(ap.tolist()),
        pictures=len(counted),
        unreadable=tuple(annotations.files[row] for row in sorted(scores.unreadable)),
    )


def _scores(
    opened: OpenTagger, annotations: Annotations, pictures: Path, out: Path, batch: int
) -> Scores:
    files = ((name, _found(pictures, name)) for name in annotations.files)
    made_of = {"tagger": opened.identity, "set of pictures": sizes_digest(files)}
    file = out / SCORES
    if file.exists():
        return _read_scores(file, made_of)
    scores = _run(opened, annotations, pictures, batch)
    if len(scores.unreadable) == len(annotations.files):
        return scores  # of another folder, most likely: nothing to keep
    about = {**made_of, "unreadable": msgspec.json.encode(scores.unreadable).decode()}
    disk.write(file, save({"scores": scores.matrix}, about))
    return scores


def _read_scores(file: Path, made_of: dict[str, str]) -> Scores:
    try:
        with safe_open(file, "np") as stored:
            about = stored.metadata() or {}
            matrix = stored.get_tensor("scores")
    except SafetensorError as e:
        raise WorkshopError(file, str(e), "scores of an earlier run", "remove the file") from e
    for key, value in made_of.items():
        if about.get(key) != value:
            raise WorkshopError(
                file, f"scores with another {key}", "those asked for now", "give another folder"
            )
    return Scores(matrix, msgspec.json.decode(about["unreadable"], type=dict[int, str]))


def _run(opened: OpenTagger, annotations: Annotations, pictures: Path, batch: int) -> Scores:
    matrix = np.zeros((len(annotations.files), len(annotations.tags)), np.float32)
    unreadable: dict[int, str] = {}
    waiting: dict[int, Image.Image] = {}
    for row, name in enumerate(tqdm(annotations.files, desc="scoring", disable=None)):
        try:
            waiting[row] = open_picture(_found(pictures, name))
        except SourceError as e:
            unreadable[row] = str(e)
        if waiting and (len(waiting) == batch or row == len(annotations.files) - 1):
            matrix[list(waiting)] = opened.look(list(waiting.values())).scores
            waiting.clear()
    return Scores(matrix, unreadable)


def _found(pictures: Path, name: str) -> Path:
    """The first that exists of a name with and without a suffix."""
    for suffix in SUFFIXES:
        file = pictures / f"{name}{suffix}"
        if file.is_file():
            return file
    return pictures / name


def _write(
    out: Path,
    opened: OpenTagger,
    annotations: Annotations,
    judged: Metrics,
    scores: Scores,
    given: NDArray[np.bool_],
    counted: Sequence[int],
) -> None:
    tags = annotations.tags
    truth = annotations.matrix()[counted]
    precision, recall = precision_recall(given[counted], truth)
    lines = [written(annotations, row, np.flatnonzero(given[row]).tolist()) for row in counted]
    _lines(out / "pred.txt", lines)
    ap = [f"{tag},{100 * value:.2f}" for tag, value in zip(tags, judged.ap)]
    _lines(out / "ap.txt", ["Tag,AP", *ap])
    pr = [f"{t},{100 * p:.2f},{100 * r:.2f}" for t, p, r in zip(tags, precision, recall)]
    _lines(out / "pr.txt", ["Tag,Precision,Recall", *pr])
    _lines(out / "summary.txt", _summary(opened, judged, scores))


def _summary(opened: OpenTagger, judged: Metrics, scores: Scores) -> list[str]:
    report, first = opened.report, next(opened.tagger.parameters())
    return [
        f"mAP: {100 * judged.mean_ap}",
        f"CP: {100 * judged.class_precision}",
        f"CR: {100 * judged.class_recall}",
        f"pictures: {judged.pictures}",
        f"checkpoint: {report.file} ({report.kind})",
        f"image size: {opened.image_size} px, {first.dtype} on {first.device}",
        f"tags: {len(opened.tags)}, disabled: {', '.join(opened.vocabulary.disabled) or 'none'}",
        f"unreadable: {len(judged.unreadable)}",
        *(f"  {why}" for _, why in sorted(scores.unreadable.items())),
    ]


def _lines(file: Path, lines: Sequence[str]) -> None:
    file.write_text("\n".join(lines) + "\n", "utf-8")
