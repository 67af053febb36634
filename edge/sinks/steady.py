"""A sink that a full disk does not end: what it cannot write is counted, said, and left out."""

from __future__ import annotations

from edge.errors import SinkError
from edge.outage import Outage
from edge.records import FrameFailed, FrameTags, Picture
from edge.sinks import Sink


class SteadySink:
    """Around a sink that was asked for beside the results on stdout."""

    def __init__(self, sink: Sink, name: str) -> None:
        self.name, self.written, self.outage = name, 0, Outage(name)
        self._sink = sink

    @property
    def left_out(self) -> int:
        """Frames that it did not take."""
        return self.outage.failed

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        self.written += self.outage.survived(self._sink.write, result, picture)

    def close(self) -> None:
        try:
            self._sink.close()
        except SinkError as e:
            self.outage.met(str(e))
