"""One of our own students as a teacher of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from edge.bundle.manifest import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.pictures import Sample, read, read_lists
from quantize.students import Student, normalise
from quantize.students import load as load_student
from quantize.teachers import Description, Kind, Request, Teacher, needed_checkpoint
from quantize.teachers.torch_device import inference, prepared
from quantize.teachers.vocabulary import outputs_of

NONE = "none"  # the logit after a head's last tag


def load(request: Request) -> Teacher:
    """Open a student.safetensors; request.model names the head. Raises WorkshopError."""
    file = needed_checkpoint(request)
    student, settings = load_student(file)
    head = _head(student, request.model, file)
    side = request.side or int(settings.get("final_side", 0))
    if not side:
        raise WorkshopError(file, "no final_side in its settings", "px", "--side N")
    return StudentTeacher(request, student, head, side, _tags(request, file, student, head))


class StudentTeacher:
    """One head of a student."""

    def __init__(
        self, request: Request, student: Student, head: str, side: int, tags: Sequence[str] | None
    ) -> None:
        self._device, self._dtype = prepared(request)
        self._student = student.eval().to(self._device)
        self._head = head
        self._spec = InputSpec(height=side, width=side)
        matrix = student.heads[head]
        assert isinstance(matrix, nn.Linear)
        words = outputs_of(request, matrix.out_features, tags)
        self._kept = list(words.kept)
        kind: Kind = request.kind or ("sigmoid" if head == "tags" else "softmax")
        self.about = Description(
            request.name, kind, words.tags, words.thresholds, matrix.in_features, (side, side)
        )

    def read(self, sample: Sample) -> U8:
        return read(sample)

    def fit(self, picture: U8) -> U8:
        return pixels.fit(picture, self._spec)

    def look(self, pictures: Sequence[U8]) -> tuple[F32, F32 | None]:
        batch = torch.from_numpy(pixels.batch(pictures, self._spec)).to(self._device)
        with inference(self._device, self._dtype):
            seen = self._student(normalise(batch))
        logits, embedding = (seen[name].float().cpu().numpy() for name in (self._head, "embedding"))
        return logits[:, self._kept], embedding


def _head(student: Student, wanted: str | None, file: Path) -> str:
    names = list(student.heads)
    head = wanted or (names[0] if len(names) == 1 else "tags")
    if head not in names:
        raise WorkshopError(file, f"no head {head!r}", f"one of {', '.join(names)}", "--model HEAD")
    return head


def _tags(request: Request, file: Path, student: Student, head: str) -> list[str] | None:
    """From tags.json beside the file, with "none" where the head has one logit more."""
    lists = {} if request.tag_list else read_lists(file.parent)
    if head not in lists:
        return None
    tags = list(lists[head].tags)
    return [*tags, NONE] if student.heads[head].out_features == len(tags) + 1 else tags
