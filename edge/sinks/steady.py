"""A sink that a full disk does not end: what it cannot write is counted, said, and left out."""

from __future__ import annotations

import logging

from edge.errors import SinkError
from edge.records import FrameFailed, FrameTags, Picture
from edge.sinks import Sink

log = logging.getLogger(__name__)


class SteadySink:
    """Around a sink that was asked for beside the results on stdout."""

    def __init__(self, sink: Sink, name: str) -> None:
        self.name = name
        self.written = self.left_out = 0
        self.last_error = ""
        self._sink = sink
        self.is_failing = False

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        try:
            self._sink.write(result, picture)
        except SinkError as e:
            self._failed(e)
            return
        if self.is_failing:
            log.warning("%s: is back, %d frames were left out so far", self.name, self.left_out)
        self.is_failing = False
        self.written += 1

    def close(self) -> None:
        try:
            self._sink.close()
        except SinkError as e:
            self._failed(e)

    def _failed(self, error: SinkError) -> None:
        self.left_out += 1
        self.last_error = str(error)
        if not self.is_failing:
            log.error("%s; the run goes on without", error)
        self.is_failing = True
