"""source -> tag_frame -> sinks, one frame after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec
from msgspec.structs import replace

from edge.clock import utc_now
from edge.errors import SourceError
from edge.frames import Past, View, tag_frame
from edge.meter import Meter
from edge.records import SCHEMA, U8, Frame, FrameFailed, FrameTags
from edge.sinks import Sink
from edge.sources import Source
from edge.tagger import Tagger

log = logging.getLogger(__name__)


class Totals(msgspec.Struct):
    """What a run came to."""

    frames: int = 0  # tagged
    failed: int = 0  # could not be read; each one has its line among the results


def run(
    sources: Iterable[Source],
    tagger: Tagger,
    sinks: Iterable[Sink],
    view: View,
    *,
    is_stopped: Callable[[], bool],
    max_frames: int | None = None,
) -> Totals:
    """Tag every frame of every source in turn, until `is_stopped()` or `max_frames`.

    A source that breaks ends with a failed frame, and the next source follows. Raises SinkError,
    and BrokenPipeError when nobody reads the results any more.
    """
    totals = Totals()
    for frame, result in islice(_results(sources, tagger, view, is_stopped), max_frames):
        if isinstance(result, FrameFailed):
            totals.failed += 1
            log.error("%s", result.error)
        else:
            totals.frames += 1
            log.debug("%s #%d: %d tags", result.source, result.frame, len(result.tags))
        for sink in sinks:
            sink.write(result, frame)
    return totals


def _results(
    sources: Iterable[Source], tagger: Tagger, view: View, is_stopped: Callable[[], bool]
) -> Iterator[tuple[U8 | None, FrameTags | FrameFailed]]:
    meter = Meter()  # a look costs the same whatever the source
    for source in sources:
        past = Past(meter)
        for frame in _to_the_end(source):
            if frame.index == 0:
                past = Past(meter)  # pictures of a folder have nothing to do with one another
            yield frame.pixels, _result(frame, tagger, view, past)
            if is_stopped():  # checked here too: what a source has read ahead is not waited for
                return


def _to_the_end(source: Source) -> Iterator[Frame]:
    """The source's frames; where it breaks, one more that says why."""
    index = 0
    try:
        for frame in source.frames():
            index = frame.index + 1
            yield frame
    except SourceError as e:
        message = f"{e} (fix: {e.fix})" if e.fix else str(e)
        yield Frame(source.name, index, utc_now(), None, message)


def _result(frame: Frame, tagger: Tagger, view: View, past: Past) -> FrameTags | FrameFailed:
    if frame.pixels is None:
        return FrameFailed(SCHEMA, frame.source, frame.index, frame.time, frame.error)
    seen = tag_frame(tagger, frame.pixels, view, past)
    height, width = frame.pixels.shape[:2]
    return FrameTags(
        schema=SCHEMA,
        source=frame.source,
        frame=frame.index,
        time=frame.time,
        size=(width, height),
        tags=tuple(replace(tag, score=round(tag.score, 4)) for tag in seen.tags),
        spent=replace(
            seen.spent,
            total_ms=round(seen.spent.total_ms, 3),
            engine_ms=round(seen.spent.engine_ms, 3),
        ),
        coverage=round(seen.coverage, 4),
        bundle=tagger.bundle.id,
        engine=tagger.engine,
    )
