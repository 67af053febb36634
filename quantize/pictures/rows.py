"""labels.jsonl: what may stand in a line, and reading it strictly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from edge.records import Box
from edge.spelling import nearest
from quantize.contents import lines_of
from quantize.errors import WorkshopError
from quantize.pictures.samples import Split

UNSAID = ("", "none")

# The network has an output of the head's name beside one that is called embedding.
Name = Annotated[str, msgspec.Meta(pattern="^(?!embedding$)([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$")]
# As a bundle's tag list takes them, which is read hours later.
Word = Annotated[
    str, msgspec.Meta(pattern=r"^(?![ \u00a0\ufeff])[^\x00-\x1f\x7f-\x9f]*(?<![ \u00a0\ufeff])$")
]
NAMES = "a head of up to 64 letters, digits, - and _; a tag without tabs or spaces around it"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of labels.jsonl."""

    file: str
    head: Name = ""
    tag: Word = ""
    split: Split | None = None
    group: Word | None = None
    box: Box | None = None
    share: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 1.0
    trust: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


def read_rows(file: Path) -> Iterator[Row]:
    """Every line that is not blank. Raises WorkshopError naming the line that is wrong."""
    for number, line in lines_of(file):
        try:
            row = msgspec.json.decode(line, type=Row)
            _refuse_half(row)
        except (msgspec.DecodeError, ValueError) as e:
            raise _wrong(f"{file}:{number}", line, e) from e
        yield row


def _wrong(where: str, line: bytes, error: Exception) -> WorkshopError:
    """A misspelt `split` would train on what is held out: what nobody reads is refused by name."""
    known = Row.__struct_fields__
    if strange := [key for key in _keys(line) if key not in known]:
        fix = nearest(strange[0], known) or "leave it out"
        return WorkshopError(where, f"key {strange[0]!r}", f"one of {', '.join(known)}", fix)
    expected = f'{{"file": ..., "head": ..., "tag": ...}}: {NAMES}'
    return WorkshopError(where, str(error), expected, "mend it")


def _keys(line: bytes) -> list[str]:
    try:
        return list(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    except msgspec.DecodeError:
        return []


def _refuse_half(row: Row) -> None:
    """Taken for no label, it would be a picture nobody said anything of. Raises ValueError."""
    if row.head == "" and row.tag:
        raise ValueError(f"tag {row.tag!r} without its head")
    if row.head not in UNSAID and not row.tag:
        raise ValueError(f"head {row.head!r} without a tag")
