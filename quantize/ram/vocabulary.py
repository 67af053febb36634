"""Tags by position, the score each needs, and what a picture's scores then say.

Tags are known by position, never by name: 206 of RAM's Chinese names occur twice, and Tag2Text's
English list has nouns and verbs spelt alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantize.errors import WorkshopError

F32 = NDArray[np.float32]
Comparison = Literal["strict", "inclusive"]  # score > threshold, as RAM tags; >=, as it is judged

FLAT, FLAT_OPEN = 0.68, 0.5  # thresholds of the published code: without a file; for open tags


class Tag(msgspec.Struct, frozen=True):
    """A tag that a picture has."""

    position: int
    name: str
    score: float  # 0..1
    chinese: str = ""


class Vocabulary(msgspec.Struct, frozen=True):
    """The tags of a tagger's logits, in their order."""

    tags: tuple[str, ...]
    thresholds: tuple[float, ...]
    chinese: tuple[str, ...] = ()  # as many as tags, or none
    deleted: tuple[int, ...] = ()  # positions that are never given
    comparison: Comparison = "strict"

    @property
    def disabled(self) -> tuple[str, ...]:
        """Tags whose threshold of 1 or more no score passes: ten in RAM's published file."""
        return tuple(tag for tag, least in zip(self.tags, self.thresholds) if least >= 1)


def vocabulary(
    tags: Sequence[str],
    *,
    thresholds: Path | float = FLAT,
    chinese: Path | None = None,
    override: Mapping[str, float] | None = None,
    deleted: Sequence[str] = (),
    comparison: Comparison = "strict",
) -> Vocabulary:
    """`tags` (see `read_tags`, `numbered`) with what is known of them.

    thresholds  a file, one number a line, or one number for all
    chinese     a file, one name a line
    override    tag -> threshold, after the file
    deleted     tags that are never given

    Raises WorkshopError for files that do not fit the tags, and for tags that are not there.
    """
    names = read_tags(chinese) if chinese else ()
    if names and len(names) != len(tags):
        raise _uneven(chinese, "names", len(names), len(tags))
    least = list(_thresholds(thresholds, len(tags)))
    for tag, value in (override or {}).items():
        for position in positions(tags, [tag], every=True):
            least[position] = _checked(value, f"threshold of {tag!r}")
    gone = tuple(sorted(positions(tags, deleted, every=True)))
    return Vocabulary(tuple(tags), tuple(least), names, gone, comparison)


def numbered(count: int) -> tuple[str, ...]:
    """Tags of a checkpoint without its tag list: their positions."""
    return tuple(map(str, range(count)))


def read_tags(file: Path) -> tuple[str, ...]:
    """Lines without the spaces around them (the Chinese list has some); blank ones are errors."""
    lines = [line.strip() for line in _lines(file)]
    blank = [number for number, line in enumerate(lines, 1) if not line]
    if blank or not lines:
        found = f"line {blank[0]} is blank" if blank else "no line"
        raise WorkshopError(file, found, "one tag a line", "give the list as it was published")
    return tuple(lines)


def read_thresholds(file: Path, tags: int) -> tuple[float, ...]:
    """One number of 0..1 a line, as many as there are tags."""
    values = tuple(_threshold(line, f"{file}:{n}") for n, line in enumerate(_lines(file), 1))
    if len(values) != tags:
        raise _uneven(file, "thresholds", len(values), tags)
    return values


def positions(tags: Sequence[str], wanted: Sequence[str], *, every: bool = False) -> list[int]:
    """Where `wanted` stand in `tags`, case and all; a name that occurs twice: its first, or every.

    Raises WorkshopError naming what is not there.
    """
    places: dict[str, list[int]] = {}
    for position, tag in enumerate(tags):
        places.setdefault(tag, []).append(position)
    absent = [tag for tag in wanted if tag not in places]
    if absent:
        raise WorkshopError(
            "tag list",
            f"{len(absent)} tags are not in it: {', '.join(map(repr, absent[:5]))}",
            "tags of the checkpoint, spelt as in its list",
            "build rows for new tags with quantize.ram.openset",
        )
    return [p for tag in wanted for p in (places[tag] if every else places[tag][:1])]


def chosen(vocabulary: Vocabulary, wanted: Sequence[int]) -> Vocabulary:
    """The tags at `wanted`, in that order, with their thresholds."""
    gone = set(vocabulary.deleted)
    return Vocabulary(
        tuple(vocabulary.tags[i] for i in wanted),
        tuple(vocabulary.thresholds[i] for i in wanted),
        tuple(vocabulary.chinese[i] for i in wanted) if vocabulary.chinese else (),
        tuple(new for new, old in enumerate(wanted) if old in gone),
        vocabulary.comparison,
    )


def scores_of(logits: ArrayLike, temperature: float = 1.0) -> F32:
    """Logistic function of logits / temperature. 1 is the published score; a fitted one is
    calibrated."""
    x = np.asarray(logits, np.float32) / np.float32(temperature)
    small = np.exp(-np.abs(x))  # never overflows
    scores: F32 = np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)
    return scores


def passing(vocabulary: Vocabulary, scores: ArrayLike) -> NDArray[np.bool_]:
    """(..., T) scores -> which tags are given. Compared in single precision, as published."""
    seen, least = np.asarray(scores, np.float32), np.asarray(vocabulary.thresholds, np.float32)
    given = seen > least if vocabulary.comparison == "strict" else seen >= least
    given[..., list(vocabulary.deleted)] = False
    return given


def tags_of(vocabulary: Vocabulary, scores: ArrayLike) -> list[Tag]:
    """(T,) scores of one picture -> its tags, best first."""
    seen = np.asarray(scores, np.float32)
    if seen.shape != (len(vocabulary.tags),):
        raise ValueError(f"scores of shape {seen.shape}, expected ({len(vocabulary.tags)},)")
    given = np.flatnonzero(passing(vocabulary, seen))
    best_first = given[np.argsort(-seen[given], kind="stable")]
    return [_tag(vocabulary, int(i), float(seen[i])) for i in best_first]


def _tag(vocabulary: Vocabulary, position: int, score: float) -> Tag:
    chinese = vocabulary.chinese[position] if vocabulary.chinese else ""
    return Tag(position, vocabulary.tags[position], score, chinese)


def _thresholds(given: Path | float, tags: int) -> tuple[float, ...]:
    if isinstance(given, int | float):
        return (_checked(float(given), "threshold"),) * tags
    return read_thresholds(given, tags)


def _threshold(line: str, where: str) -> float:
    try:
        return _checked(float(line), where)
    except ValueError as e:
        raise WorkshopError(where, repr(line[:40]), "a number", "one threshold a line") from e


def _checked(value: float, where: str) -> float:
    if not 0 <= value <= 1:
        raise WorkshopError(where, f"threshold {value}", "0 to 1", "1 disables a tag")
    return value


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise WorkshopError(file, str(e), "a text file in UTF-8", "give another file") from e
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _uneven(file: Path | None, what: str, found: int, tags: int) -> WorkshopError:
    return WorkshopError(
        file, f"{found} {what}", f"{tags}, one a tag", "give the file that belongs to the list"
    )
