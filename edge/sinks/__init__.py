"""Sinks: where results go, behind one small contract.

To add one: a module with a class that keeps `Sink`, and a line in the command that opens it. A
result has been handed on (written, sent, stored) when `write` returns.
"""

from __future__ import annotations

from typing import Protocol

from edge.records import FrameFailed, FrameTags, Picture


class Sink(Protocol):
    """Takes results one by one, in order. Raises only SinkError, and BrokenPipeError."""

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        """`picture` is the frame; None for one that failed.

        BrokenPipeError says that nobody reads the results any more: the run ends, and all is well.
        """
        ...

    def close(self) -> None: ...
