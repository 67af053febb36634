"""CSV: a row a tag, for a spreadsheet. Every file that is put aside has a heading of its own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from msgspec import UNSET

from edge.records import FrameFailed, FrameTags, Picture
from edge.sinks.rotating import RotatingFile, open_rotating
from edge.sinks.target import Target

COLUMNS = (
    *("time", "source", "frame", "head", "tag", "group", "score", "x0", "y0", "x1", "y1"),
    *("track", "looks", "age_s", "state", "colour", "length_cm", "length_sd_cm", "occluded"),
    *("species", "zones", "attributes"),
)


class RowsSink:
    """The rows of a frame are in the file together or not at all. Raises SinkError."""

    def __init__(self, file: RotatingFile) -> None:
        self._file = file

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed) or not result.tags:
            return
        about = (result.time, result.source, result.frame)
        rows = [
            (
                *about,
                t.head,
                t.tag,
                t.group,
                t.score,
                *t.box,
                t.track,
                t.looks,
                t.age_s,
                t.state,
                t.colour,
                t.length_cm,
                t.length_sd_cm,
                t.occluded,
                t.species,
                UNSET if t.zones is UNSET else " ".join(t.zones),
                UNSET if t.attributes is UNSET else " ".join(a.tag for a in t.attributes),
            )
            for t in result.tags
        ]
        self._file.append(_lines(rows))

    def close(self) -> None:
        self._file.close()


def open_from(target: Target) -> RowsSink:
    """Raises UsageError and SinkError."""
    return RowsSink(open_rotating(target, "second", b"", _lines([COLUMNS])))


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(_plain, row) for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def _plain(cell: object) -> object:
    """A spreadsheet runs what begins like a formula; a file may be called that."""
    if cell is UNSET:
        return ""
    text = cell.replace("\r", " ").replace("\n", " ") if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t") else text
