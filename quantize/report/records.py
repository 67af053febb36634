"""What a comparison found: `report.json`, and what `page.py` and `table.py` draw.

Shares, scores, losses and calibration errors are 0..1, times are milliseconds a picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edge.bundle.manifest import Accuracy
from edge.records import Box
from quantize.errors import WorkshopError
from quantize.int8 import gate

SCHEMA = 2  # 1 had top-1 accuracy alone

Kind = Literal["softmax", "multilabel"]
Judge = Literal["labels", "teacher", "nobody"]


class Share(msgspec.Struct, frozen=True):
    """A share of pictures, with the 95 % interval of Wilson 1927."""

    right: int
    count: int
    value: float
    low: float
    high: float


class Loss(msgspec.Struct, frozen=True):
    """What int8 loses against float on the same pictures; below 0 it gains. 95 % interval."""

    value: float
    low: float
    high: float


class Bin(msgspec.Struct, frozen=True):
    """Pictures whose best score is about the same."""

    count: int
    score: float  # mean of the best scores
    right: float  # how often the best tag is right; after a teacher: its mean probability


class Calibration(msgspec.Struct, frozen=True):
    """Do scores say how often they are right? ECE of Guo et al. 2017 (arXiv:1706.04599)."""

    before: float  # at temperature 1
    before_bins: tuple[Bin, ...]
    temperature: float | None  # None: too few pictures to fit one
    after: float | None  # a fitted temperature is judged on the half it was not fitted on
    after_bins: tuple[Bin, ...]


class Confusion(msgspec.Struct, frozen=True):
    """A label that was given as another tag."""

    label: str
    tag: str
    count: int
    of: int  # pictures with this label


class HeadScore(msgspec.Struct, frozen=True):
    """How one artifact did on one head. None where nobody said what is right."""

    top1: Share | None = None  # the best tag is right, or the teacher's best
    group: Share | None = None  # the group of the largest summed score is right
    f1: float | None = None  # multilabel: over all pictures and tags at their thresholds
    teacher: Share | None = None  # the best tag is the teacher's
    calibration: Calibration | None = None
    by_tag: dict[str, Share] = {}  # multilabel: how often the tag is given where it should be
    confused: tuple[Confusion, ...] = ()  # most frequent first
    agreement: Share | None = None  # int8 alone: the best tag is float's, same engine
    loss: Loss | None = None  # int8 alone: of top1 against float, same engine


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds a picture."""

    median: float
    p10: float
    p90: float


class Row(msgspec.Struct, frozen=True):
    """One artifact on one engine."""

    engine: str
    precision: Literal["float", "int8"]
    size_bytes: int
    ms: Timing
    heads: dict[str, HeadScore]
    sha256: tuple[str, ...] = ()  # of its files; none in reports from before this was asked


class HeadFacts(msgspec.Struct, frozen=True):
    """What was asked of a head."""

    kind: Kind
    tags: int
    groups: int  # 0: the tag list has none
    pictures: int  # that it was judged on
    judge: Judge


class Answer(msgspec.Struct, frozen=True):
    """A head's best tag for a picture; `score` at the head's temperature."""

    tag: str
    score: float


class Difference(msgspec.Struct, frozen=True):
    """A picture that float and int8 see differently."""

    file: str
    box: Box | None
    head: str
    label: str  # "": nobody said
    float_answer: Answer
    int8_answer: Answer
    distance: float  # 0..1, half the sum of score differences; multilabel: the largest one


class LeftOut(msgspec.Struct, frozen=True):
    """A picture that could not be read, and is not counted."""

    file: str
    reason: str


class Machine(msgspec.Struct, frozen=True):
    """Without it a time says nothing."""

    name: str
    cores: int
    load: float  # of the minute before the comparison began

    @property
    def is_busy(self) -> bool:
        """Something else was running: times are to be read against each other alone."""
        return self.load > 0.75 * self.cores

    def __str__(self) -> str:
        return f"{self.name}, {self.cores} cores, load {self.load:.1f}"


class Report(msgspec.Struct, frozen=True):
    """Everything one comparison found, with where and of what."""

    schema: int
    title: str  # what is int8: a bundle's name@counter, or a folder
    made: str  # RFC 3339 in UTC
    machine: Machine
    versions: dict[str, str]
    facts: dict[str, str]  # recipe: how the artifacts were made
    engine: str  # whose pair of artifacts plots, confusions and pictures are about
    heads: dict[str, HeadFacts]
    rows: tuple[Row, ...]  # float first, then int8
    verdicts: tuple[gate.Row, ...] = ()  # a bundle with a line that did not pass is refused
    differences: tuple[Difference, ...] = ()  # largest first
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()  # what a reader must know before believing a number

    def row(self, engine: str, precision: str) -> Row:
        """Raises KeyError when it was not measured."""
        for row in self.rows:
            if (row.engine, row.precision) == (engine, precision):
                return row
        raise KeyError(f"{engine}/{precision}")

    def engines(self) -> list[str]:
        """Every engine that was asked, in order."""
        return list(dict.fromkeys(row.engine for row in self.rows))


def manifest_accuracy(score: HeadScore) -> Accuracy | None:
    """A score as a bundle's manifest keeps it; None where nobody said what is right."""
    if score.top1 is None:
        return None
    by_tag = {tag: share.value for tag, share in score.by_tag.items()}
    return Accuracy(score.top1.count, score.top1.value, by_tag)


def write_report(report: Report, file: Path) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))


def read_report(file: Path) -> Report:
    """What `write_report` wrote. Raises WorkshopError when it is missing, or of another schema."""
    again = "run edge-quantize compare again"
    if not file.is_file():
        raise WorkshopError(file, "no such file", "the report of a comparison", again)
    data = file.read_bytes()
    try:
        head = msgspec.json.decode(data, type=_Schema)
        if head.schema != SCHEMA:
            raise WorkshopError(file, f"report of schema {head.schema}", f"schema {SCHEMA}", again)
        return msgspec.json.decode(data, type=Report)
    except msgspec.DecodeError as e:
        raise WorkshopError(file, f"content does not parse ({e})", "a report", again) from e


class _Schema(msgspec.Struct):
    schema: int = 1
