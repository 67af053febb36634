"""Lines of results, a file a board: appended to, read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from edge.bench.line import Line
from edge.errors import SinkError, SourceError
from edge.store import make_folder
from edge.strict import NOT_JSON, decoded

LONGEST = 1 << 20  # bytes: no line is longer


def append(folder: Path, line: Line) -> Path:
    """The file that it now is the last line of. Raises SinkError."""
    make_folder(folder)
    file = folder / f"{slug(line.board)}.jsonl"
    try:
        with file.open("ab") as opened:
            opened.write(msgspec.json.encode(line) + b"\n")
    except OSError as e:
        raise SinkError(f"{file}: {e.strerror}", fix="name another folder: --out DIR") from e
    return file


def read(paths: Sequence[Path]) -> list[Line]:
    """Every line of files, and of all `*.jsonl` in folders. Raises SourceError."""
    return [line for path in paths for file in _files(path) for line in _lines(file)]


def slug(words: str) -> str:
    """As part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60] or "board"


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def _lines(file: Path) -> Iterator[Line]:
    try:
        with file.open("rb") as opened:
            n = 0
            while text := opened.readline(LONGEST):
                n += 1
                if text.strip():
                    yield decoded(text, Line)
    except OSError as e:
        raise SourceError(f"{file}: {e.strerror}", fix="edge-tag bench --out DIR first") from e
    except NOT_JSON as e:
        raise SourceError(
            f"{file}: line {n}: {e}, expected a result of edge-tag bench",
            fix="take that line out, or measure again: edge-tag bench --out DIR",
        ) from e
