"""What is right: what people said of a picture, or else what the teacher did.

People come first. Where nobody labelled for a head, and the teacher knows all of its tags, the
teacher's best tag counts as right and the tags it is sure of as present.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from edge.records import F32
from quantize.errors import WorkshopError
from quantize.pictures import Place, Sample
from quantize.report.measures import Flags, Indices
from quantize.report.models import HeadSpec
from quantize.report.records import Judge, Kind

SHOWN = 3  # labels that no head knows, in an error


class Teacher(msgspec.Struct, frozen=True, eq=False):
    """What `label` found: probabilities of pictures, by the key of their samples."""

    tags: tuple[str, ...]
    sure: F32  # (T,) a tag with this probability counts as present
    seen: Mapping[str, F32]  # key -> (T,) probabilities


class Truth(msgspec.Struct, frozen=True, eq=False):
    """What a head should have answered. n rows, each about a picture."""

    judge: Judge
    rows: Indices  # (n,) which picture; softmax: one label each, multilabel: each picture once
    wanted: F32  # (n, T) 0 or 1, or the teacher's probabilities
    sure: F32  # (T,) from here on a tag counts as present
    best: Indices  # (n,) the label, or the teacher's best tag

    @property
    def present(self) -> Flags:
        return np.asarray(self.wanted >= self.sure)


def labels_of(samples: Sequence[Sample]) -> dict[Place, dict[str, list[str]]]:
    """Picture -> head -> what people said."""
    said: dict[Place, dict[str, list[str]]] = {}
    for sample in samples:
        if sample.tag:
            said.setdefault(sample.place, {}).setdefault(sample.head, []).append(sample.tag)
    return said


def by_people(
    head: HeadSpec, kind: Kind, samples: Sequence[Sample], pictures: Sequence[Sample]
) -> Truth | None:
    """What people said `head` should answer; None where nobody did.

    samples: every label. pictures: each picture once, in the order of the answers; a sample whose
    picture is not among them could not be read, and is left out. Raises WorkshopError for a label
    that the head cannot give.
    """
    place = {p.place: i for i, p in enumerate(pictures)}
    mine = [s for s in samples if s.head == head.name and s.place in place]
    if not mine:
        return None
    rows, labels = np.array([place[s.place] for s in mine], np.int64), _labels(head, mine)
    if kind == "multilabel":  # a picture may have many labels
        rows, turn = np.unique(rows, return_inverse=True)
    else:
        turn = np.arange(len(rows))
    wanted = np.zeros((len(rows), len(head.tags)), np.float32)
    wanted[turn, labels] = 1
    sure = np.full(len(head.tags), 0.5, np.float32)
    return Truth("labels", rows, wanted, sure, np.asarray(wanted.argmax(1), np.int64))


def by_teacher(head: HeadSpec, teacher: Teacher | None, pictures: Sequence[Sample]) -> Truth | None:
    """What the teacher said; None where it knows not all tags of the head, or saw no picture."""
    rows = [i for i, p in enumerate(pictures) if teacher and p.key in teacher.seen]
    if teacher is None or not rows or not set(head.tags) <= set(teacher.tags):
        return None
    column = {tag: i for i, tag in enumerate(teacher.tags)}
    mine = [column[tag] for tag in head.tags]
    wanted = np.stack([teacher.seen[pictures[i].key][mine] for i in rows])  # (n, T)
    best = np.asarray(wanted.argmax(1), np.int64)
    return Truth("teacher", np.array(rows, np.int64), wanted, teacher.sure[mine], best)


def _labels(head: HeadSpec, samples: Sequence[Sample]) -> Indices:
    number = {tag: i for i, tag in enumerate(head.tags)}
    unknown = sorted({s.tag for s in samples if s.tag not in number})
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise WorkshopError(
            f"head {head.name!r}",
            f"the pictures are labelled {', '.join(map(repr, unknown[:SHOWN]))}{more}",
            f"one of its {len(head.tags)} tags",
            "compare with the pictures that this student was made for",
        )
    return np.array([number[s.tag] for s in samples], np.int64)
