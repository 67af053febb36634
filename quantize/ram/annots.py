"""Readers for the published evaluation labels: which tags each picture has.

names     split/imageid,tag,tag       OpenImages common and rare, for RAM. No suffix; case counts
ids       split/imageid,12,7          the same, for Tag2Text: positions in the tag list
spaced    file.jpg,12 7               HICO, ImageNet-Multi: positions, spaces between, or no comma
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError

Form = Literal["names", "ids", "spaced"]


class Annotations(msgspec.Struct, frozen=True):
    """Pictures in the order of the file, each with the columns of its tags."""

    form: Form
    tags: tuple[str, ...]  # one a column; a name may stand for several columns
    files: tuple[str, ...]  # as written
    columns: tuple[tuple[int, ...], ...]  # a picture; () where nothing is labelled

    def matrix(self) -> NDArray[np.bool_]:
        """(pictures, tags)"""
        found = np.zeros((len(self.files), len(self.tags)), bool)
        for row, columns in enumerate(self.columns):
            found[row, list(columns)] = True
        return found


def read_annotations(file: Path, tags: Sequence[str], form: Form) -> Annotations:
    """Raises WorkshopError naming the line whose tag is not in the list."""
    places: dict[str, list[int]] = {}
    for column, tag in enumerate(tags):
        places.setdefault(tag, []).append(column)
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise WorkshopError(file, str(e), "a text file in UTF-8", "give another file") from e
    rows = [_row(f"{file}:{n}", line, places, len(tags), form) for n, line in enumerate(lines, 1)]
    if not rows:
        raise WorkshopError(file, "no line", "a picture a line", "give the published file")
    return Annotations(form, tuple(tags), tuple(r[0] for r in rows), tuple(r[1] for r in rows))


def written(annotations: Annotations, row: int, columns: Sequence[int]) -> str:
    """A line in the form that was read, for predictions."""
    name = annotations.files[row]
    ids = [str(column) for column in columns]
    if annotations.form == "spaced":
        return f"{name},{' '.join(ids)}" if ids else name
    words = [annotations.tags[c] for c in columns] if annotations.form == "names" else ids
    return ",".join([name, *dict.fromkeys(words)])


def _row(
    where: str, line: str, places: Mapping[str, list[int]], tags: int, form: Form
) -> tuple[str, tuple[int, ...]]:
    name, _, rest = line.strip().partition(",")
    if not name:
        raise WorkshopError(where, repr(line[:40]), "a picture's name first", "mend the line")
    said = rest.split() if form == "spaced" else [word for word in rest.split(",") if word]
    if form == "names":
        return name, tuple(column for word in said for column in _named(where, word, places))
    return name, tuple(_numbered(where, word, tags) for word in said)


def _named(where: str, word: str, places: Mapping[str, list[int]]) -> list[int]:
    found = places.get(word)
    if found is None:
        near = [tag for tag in places if tag.lower() == word.lower()]
        fix = f"case counts: the list has {near[0]!r}" if near else "give the list of this file"
        raise WorkshopError(where, f"tag {word!r}", "a tag of the list", fix)
    return found


def _numbered(where: str, word: str, tags: int) -> int:
    if not word.isdecimal() or int(word) >= tags:
        raise WorkshopError(
            where, f"tag {word!r}", f"a position from 0 to {tags - 1}", "give the list of this file"
        )
    return int(word)
