"""Split files of the low-data protocol: which pictures of a set a run may learn from.

One line a picture: a path relative to the pictures, one space, a label counted from 0. A path may
hold spaces; lines end in LF or CRLF; the last one may have no end at all. (The published reader
chops the last character of every line, and so reads the label of such a last line as 19, not 199.)
`train_10.txt` holds a tenth of every class, `train_1i.txt` one picture of each, `test.txt` the
pictures to be judged on. Described in ../shared/reference/seeds.md, 2.5.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from quantize import disk
from quantize.errors import WorkshopError
from quantize.pictures.samples import Sample, TagList

FORM = "`path label`, the label a whole number from 0 to 9999999"
DIGITS = 7  # of a label: a list of as many tags as the highest one is made


class Line(msgspec.Struct, frozen=True):
    """One picture of a split."""

    file: str  # relative to the pictures, forward slashes; absolute when it lies elsewhere
    label: int  # counted from 0


class Facts(msgspec.Struct, frozen=True):
    """What a split file holds."""

    pictures: int
    classes: int
    fewest: int  # pictures of a class
    most: int
    missing: tuple[int, ...]  # labels below the highest one that no line has


def read_split(file: Path) -> list[Line]:
    """Every line of a split file, in its order. Raises WorkshopError, naming the line."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as e:
        raise WorkshopError(file, "file is missing", f"lines of {FORM}", "give its path") from e
    except UnicodeDecodeError as e:
        raise WorkshopError(file, f"byte {e.start} is not UTF-8", f"lines of {FORM}", "") from e
    rows = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    lines = [_parsed(row, f"{file}:{number}") for number, row in rows if row.strip()]
    if not lines:
        raise WorkshopError(file, "file is empty", f"lines of {FORM}", "give another file")
    _refuse_two_labels(lines, file)
    return lines


def _parsed(row: str, where: str) -> Line:
    path, _, label = row.rstrip().rpartition(" ")
    # isdecimal alone takes other scripts' digits, which int() reads too but nobody writes here
    is_label = label.isascii() and label.isdecimal() and len(label) <= DIGITS
    if not (path.strip() and is_label):
        raise WorkshopError(where, repr(row), FORM, "mend the line")
    return Line(path, int(label))


def _refuse_two_labels(lines: Iterable[Line], file: Path) -> None:
    seen: dict[str, int] = {}
    for line in lines:
        if seen.setdefault(line.file, line.label) != line.label:
            found = f"{line.file} has labels {seen[line.file]} and {line.label}"
            raise WorkshopError(file, found, "one label a picture", "delete the wrong line")


def write_split(lines: Iterable[Line], file: Path, newline: str = "\n") -> None:
    """Write the published format; every line has its end, so that no reader can chop a label."""
    rows = list(lines)
    wrong = next((r.file for r in rows if not r.file.strip() or {"\n", "\r"} & set(r.file)), None)
    if wrong is not None:
        raise ValueError(f"path is {wrong!r}, expected a name on one line")
    disk.write(file, "".join(f"{r.file} {r.label}{newline}" for r in rows).encode())


def quota(split: str, pictures: int) -> int:
    """How many of a class's `pictures` a split has: "10" a tenth, rounded up; "1i" one picture.

    Rounded up as in the published files of CUB: 29 or 30 pictures give 3, 5, 9 and 15.
    """
    number = split[:-1] if split.endswith("i") else split
    if not (number.isascii() and number.isdecimal() and int(number) > 0):
        raise _no_split(split)
    if split.endswith("i"):
        return min(int(number), pictures)
    if int(number) > 100:
        raise _no_split(split)
    return -(-int(number) * pictures // 100)


def _no_split(split: str) -> WorkshopError:
    return WorkshopError(
        f"split {split!r}",
        "no such split",
        "a percentage from 1 to 100, or a number of pictures a class such as 1i",
        "--splits 1i,10,30",
    )


def cut_split(lines: Sequence[Line], split: str, seed: int = 0) -> list[Line]:
    """The lines of `split`, in the order of `lines`; smaller splits lie inside larger ones.

    The same for the same seed, whatever order the lines come in. Raises WorkshopError.
    """
    kept: set[Line] = set()
    for label, mine in by_label(lines).items():
        random.Random(f"{seed} {label}").shuffle(mine)
        kept.update(mine[: quota(split, len(mine))])
    return [line for line in lines if line in kept]


def by_label(lines: Iterable[Line]) -> dict[int, list[Line]]:
    """The lines of every label by name, each once: the same whatever order they came in."""
    found: dict[int, list[Line]] = {}
    for line in sorted(set(lines), key=lambda line: (line.label, line.file)):
        found.setdefault(line.label, []).append(line)
    return found


def facts(lines: Sequence[Line]) -> Facts:
    """Counts of a split that has at least one line."""
    counts = Counter(line.label for line in lines)
    missing = tuple(label for label in range(max(counts)) if label not in counts)
    return Facts(len(lines), len(counts), min(counts.values()), max(counts.values()), missing)


def outside(inner: Iterable[Line], outer: Iterable[Line]) -> list[Line]:
    """The lines of `inner` that `outer` has not, or has with another label; empty: nested."""
    known = set(outer)
    return [line for line in inner if line not in known]


def shared(one: Iterable[Line], other: Iterable[Line]) -> list[str]:
    """Files that both have, under whatever label: between train and test there may be none."""
    known = {line.file for line in other}
    return sorted({line.file for line in one if line.file in known})


def nesting(splits: Mapping[str, Sequence[Line]]) -> dict[str, int]:
    """For each pair of neighbours, the smaller first: lines of it that the larger one has not."""
    order = sorted(splits, key=lambda name: (len(splits[name]), name))
    return {
        f"{small} in {large}": len(outside(splits[small], splits[large]))
        for small, large in pairwise(order)
    }


def lines_of(samples: Iterable[Sample], tags: TagList, folder: Path) -> list[Line]:
    """Whole pictures of one head as lines. Raises WorkshopError for parts of pictures."""
    labels = {tag: label for label, tag in enumerate(tags.tags)}
    lines: list[Line] = []
    for sample in samples:
        if sample.box is not None:
            raise WorkshopError(
                sample.file, f"box {sample.box}", "whole pictures", "cut the parts out first"
            )
        if sample.tag not in labels:
            found = f"tag {sample.tag!r}"
            raise WorkshopError(sample.file, found, "one of the tags of its head", "mend tags.json")
        lines.append(Line(_named(sample.file, folder), labels[sample.tag]))
    return lines


def _named(file: Path, folder: Path) -> str:
    inside = file.is_relative_to(folder)
    return (file.relative_to(folder) if inside else file.absolute()).as_posix()
