"""A progress bar on stderr, around the sinks that do the work."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from tqdm import tqdm

from edge.records import FrameFailed, FrameTags, Picture
from edge.sinks import Sink


def open_bar(count: int | None, unit: str) -> Any:  # tqdm ships no types
    """A bar that goes away at its end. `count` None: the number to come is unknown."""
    tqdm.monitor_interval = 0  # no thread of its own
    # a serial console says it has 0 columns and rows; tqdm, left to find out, would show nothing
    columns = max(shutil.get_terminal_size().columns - 1, 40)
    return tqdm(total=count, unit=f" {unit}", leave=False, ncols=columns, nrows=20)


class ProgressSink:
    """Passes every result on and counts it.

    count       frames to come; None when that is unknown
    is_shared   the sinks write to the same terminal: the bar steps aside while they do
    """

    def __init__(self, sinks: Sequence[Sink], count: int | None, *, is_shared: bool) -> None:
        self._sinks = sinks
        self._is_shared = is_shared
        self._bar = open_bar(count, "frames")

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        with self._bar.external_write_mode() if self._is_shared else nullcontext():
            for sink in self._sinks:
                sink.write(result, picture)
        self._bar.update()

    def close(self) -> None:
        """The bar goes first, the others may have a last word."""
        self._bar.close()
        for sink in self._sinks:
            sink.close()
