"""JSON Lines: one frame a line, flushed. A power cut costs a frame; in a file, a second of them."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from edge.process import write
from edge.records import FrameFailed, FrameTags, Picture
from edge.sinks.rotating import RotatingFile, open_rotating
from edge.sinks.target import Target


class JsonlSink:
    """Results as JSON on `out`, which stays the caller's to close."""

    def __init__(self, out: BinaryIO, name: str) -> None:
        self._out = out
        self._name = name  # for messages
        self._encode = msgspec.json.Encoder().encode

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        write(self._out, self._encode(result) + b"\n", self._name)

    def close(self) -> None:
        """Every line is out already."""


class JsonlFile:
    """The same lines in a file that is put aside when it is large or old. Raises SinkError."""

    def __init__(self, file: RotatingFile) -> None:
        self._file = file
        self._encode = msgspec.json.Encoder().encode

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        self._file.append(self._encode(result) + b"\n")

    def close(self) -> None:
        self._file.close()


def open_from(target: Target) -> JsonlFile:
    """Raises UsageError and SinkError."""
    return JsonlFile(open_rotating(target, "second"))
