"""source -> tag_frame -> sinks: files one after the other, live sources side by side.

Each live source fills its mailbox in a thread of its own; the tagger's thread takes them in turn,
on one budget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

import msgspec
from msgspec.structs import replace

from edge import pixels
from edge.errors import SourceError
from edge.frames import Past, Seen, View, tag_frame
from edge.newest import Cameras, Newest, broken
from edge.records import SCHEMA, Frame, FrameFailed, FrameTags, Picture
from edge.shares import next_turn, settled, shared
from edge.sinks import Sink
from edge.sources import Source
from edge.tagger import Tagger

log = logging.getLogger(__name__)

Result = FrameTags | FrameFailed


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
    """Tag every frame of every source, until `is_stopped()` or `max_frames`.

    Files come first, in turn; then all live sources together. With several of those, the budget of
    a frame is what one frame of each of them may cost together: see `edge.shares`. A source that
    breaks ends with a failed frame, and the others go on. Raises SinkError, and BrokenPipeError
    when nobody reads the results any more.
    """
    totals = Totals()
    opened = list(sources)
    files = [source for source in opened if source.newest is None]
    live = [source.newest for source in opened if source.newest is not None]
    results = chain(
        _in_turn(files, tagger, view, is_stopped), _together(live, tagger, view, is_stopped)
    )
    for picture, result in islice(results, max_frames):
        if isinstance(result, FrameFailed):
            totals.failed += 1
            log.error("%s", result.error)
        else:
            totals.frames += 1
            log.debug("%s #%d: %d tags", result.source, result.frame, len(result.tags))
        for sink in sinks:
            sink.write(result, picture)
    return totals


def _in_turn(
    sources: Sequence[Source], tagger: Tagger, view: View, is_stopped: Callable[[], bool]
) -> Iterator[tuple[Picture | None, Result]]:
    for source in sources:
        past = Past()
        for frame in _to_the_end(source):
            if frame.index == 0:
                past = Past()  # pictures of a folder have nothing to do with one another
            yield frame.pixels, _result(frame, tagger, view, past)[0]
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
        yield broken(source.name, index, e)


def _together(
    mailboxes: Sequence[Newest], tagger: Tagger, view: View, is_stopped: Callable[[], bool]
) -> Iterator[tuple[Picture | None, Result]]:
    if not mailboxes:
        return
    cameras, pasts = Cameras(mailboxes), [Past() for _ in mailboxes]
    shares = shared(len(mailboxes), view.budget.frame_ms)
    while waiting := cameras.waiting(is_stopped):
        shares, turn = next_turn(shares, waiting)
        frame = cameras.take(turn.camera)
        if frame is None:
            continue
        own = replace(view, budget=replace(view.budget, frame_ms=turn.allowed_ms))
        result, seen = _result(frame, tagger, own, pasts[turn.camera])
        spent_ms = seen.spent.total_ms if seen else 0.0
        shares = settled(shares, turn, spent_ms, wanted_more=bool(seen and seen.skipped))
        yield frame.pixels, result


def _result(frame: Frame, tagger: Tagger, view: View, past: Past) -> tuple[Result, Seen | None]:
    """The line about a frame, and what was seen where it could be read."""
    if frame.pixels is None:
        failed = FrameFailed(SCHEMA, frame.source, frame.index, frame.time, frame.error)
        return failed, None
    seen = tag_frame(tagger, frame.pixels, view, past)
    return _line(frame, seen, pixels.size(frame.pixels), tagger), seen


def _line(frame: Frame, seen: Seen, size: tuple[int, int], tagger: Tagger) -> FrameTags:
    return FrameTags(
        schema=SCHEMA,
        source=frame.source,
        frame=frame.index,
        time=frame.time,
        size=size,
        tags=tuple(
            replace(tag, score=round(tag.score, 4), age_s=round(tag.age_s, 3)) for tag in seen.tags
        ),
        spent=replace(
            seen.spent,
            total_ms=round(seen.spent.total_ms, 3),
            engine_ms=round(seen.spent.engine_ms, 3),
        ),
        coverage=round(seen.coverage, 4),
        oldest_s=round(seen.oldest_s, 3),
        shed=seen.shed,
        bundle=tagger.bundle.id,
        engine=tagger.engine,
    )
