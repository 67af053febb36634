"""Pictures of garments of which something is known: labelled photos, and rendered garments.

Beside labels.jsonl a folder may have attributes.jsonl, a line a picture: what people said of it,
{"file": ..., "attributes": {"age": "kids", "sleeve": ""}}. It adds to what the category implies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from calib_data.crops import SEWN, sewn
from edge.records import U8
from quantize.contents import lines_of
from quantize.errors import WorkshopError
from quantize.fashion.attributes import Known, by_construction, known_of
from quantize.pictures import Sample, read

FILE = "attributes.jsonl"
HELD_OUT = 4  # rendered garments learned from, to one that is held out
OTHERS = 600  # pictures of what is no garment: enough to be silent about
RENDERED_PX = 192

# What is known, from where, whether it is held out, how to see it.
Item = tuple[Known, str, bool, Callable[[], U8]]


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    attributes: dict[str, str]


def photos(samples: Sequence[Sample], said: dict[str, dict[str, str]]) -> Iterator[Item]:
    """Samples of which something is known: all clothes, and some of the other heads."""
    others = [s for s in samples if s.head not in ("clothes", "")]
    step = max(1, len(others) // OTHERS)
    chosen = [*(s for s in samples if s.head == "clothes"), *others[::step]]
    for sample in chosen:
        known = {**known_of(sample.head, sample.tag), **said.get(sample.file.name, {})}
        if known:
            source = "photos" if sample.head == "clothes" else "others"
            yield known, source, sample.split == "val", lambda s=sample: read(s)


def garments(count: int, seed: int) -> Iterator[Item]:
    """`count` of each kind to learn from, and a quarter more that is held out."""
    for number in range(count + -(-count // HELD_OUT)):
        for tag in SEWN:
            own = seed * 1_000_003 + number
            made = sewn(tag, own, RENDERED_PX)
            yield by_construction(made[1]), "rendered", number >= count, lambda p=made[0]: p


def read_said(folder: Path) -> dict[str, dict[str, str]]:
    """Name of a picture -> what people said of it; {} without the file."""
    file = folder / FILE
    if not file.exists():
        return {}
    rows = [_said(line, f"{file}:{number}") for number, line in lines_of(file)]
    return {Path(row.file).name: row.attributes for row in rows}


def _said(line: bytes, where: str) -> _Said:
    try:
        return msgspec.json.decode(line, type=_Said)
    except msgspec.DecodeError as e:
        raise WorkshopError(where, str(e), '{"file": ..., "attributes": {...}}', "mend it") from e
