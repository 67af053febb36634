"""A progress bar on stderr, around the sinks that do the work."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from edge.records import U8, FrameFailed, FrameTags
from edge.sinks import Sink


class ProgressSink:
    """Passes every result on and counts it. The bar steps aside while the others write.

    count  frames to come; None when that is unknown
    """

    def __init__(self, sinks: Sequence[Sink], count: int | None) -> None:
        tqdm.monitor_interval = 0  # no thread of its own
        self._sinks = sinks
        self._bar = tqdm(total=count, unit=" frames", leave=False, dynamic_ncols=True)

    def write(self, result: FrameTags | FrameFailed, pixels: U8 | None) -> None:
        with self._bar.external_write_mode():
            for sink in self._sinks:
                sink.write(result, pixels)
        self._bar.update()

    def close(self) -> None:
        """The bar goes first, the others may have a last word."""
        self._bar.close()
        for sink in self._sinks:
            sink.close()
