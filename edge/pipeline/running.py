"""From the first frame to the last, each told to everybody who is to know."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from edge.errors import ConfigError, InferenceError
from edge.heads.scores import reaching
from edge.pipeline.tagged import Done, Unwatched, Way, ignored
from edge.pipeline.turns import tagged_in_turn
from edge.records import Frame, FrameFailed, FrameTags, Picture
from edge.schedule.cooling import Held, free
from edge.seen import Seen, View
from edge.sinks import Sink
from edge.sources import Source
from edge.sources.ahead import Ahead
from edge.tagger import Tagger

if TYPE_CHECKING:
    from edge.config.watch import Watch

log = logging.getLogger(__name__)

# `tuple(x for ...)` is made with room for ten and cut to its length; once nobody needs it, Python
# keeps it for tuples of that length, and makes the next one anew. Some 600 bytes a frame go that
# way, up to 2,000 tuples of each length (5 MB), until a full collection gives them back; and one
# hardly ever comes by itself where the number of objects does not grow.
COLLECTED = 500  # frames

BROKEN = 5  # frames in a row that the engine fails at: it does not come back by itself

Explain = Callable[[FrameTags, Picture, Seen], None]
Report = Callable[[FrameTags | FrameFailed, Picture | None, float | None], None]


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
    explain: Explain | None = None,
    report: Report | None = None,
    held: Callable[[], Held] = free,
    off: Callable[[int], None] = ignored,
    watch: Watch | Unwatched | None = None,
    ahead: Ahead[tuple[int, Frame]] | None = None,
) -> Totals:
    """Tag every frame of every source, until `is_stopped()` or `max_frames`.

    Files come in turn, all live sources together, and files beside those as if they were one more.
    With several, the budget of a frame is what one frame of each of them may cost together: see
    `edge.schedule.shares`. A source that breaks ends with a failed frame, and the others go on.
    `explain` is told of each tagged frame how its tags came about, after the sinks have its result;
    `report` is told of each frame when it was taken, so that events can be made of them: of tags
    that reach their thresholds, though the view is to give the best however unsure; `watch`
    does to frames and their tags what the config file says; `held` is asked before each frame what
    heat leaves of its budget; `off` is told the number of a source whose frame its schedule leaves
    out; `ahead` is what `read_ahead` gave for these sources, where it was called before.
    A frame that the engine fails at is a failed one, and so is one that the plane is not for.
    Raises InferenceError where the engine fails at `BROKEN` in a row, ConfigError where the plane
    is for no frame of files so far (a camera may have what it had again, and there are others),
    SinkError, and BrokenPipeError when nobody reads the results any more.
    """
    totals, in_a_row, opened = Totals(), 0, list(sources)
    sinks = tuple(sinks)  # which may come one by one
    is_live = any(source.is_live for source in opened)
    told: dict[str, str] = {}  # source -> why its last frame failed
    if report is not None and view.top_k is not None:
        report = _of_what_is_sure(report, tagger)
    way = Way(tagger, view, watch or Unwatched(), held, off)
    with closing(tagged_in_turn(opened, ahead, way, is_stopped)) as frames:
        for done in islice(frames, max_frames):
            _count(totals, done.result, told)
            if isinstance(done.broke, ConfigError) and not totals.frames and not is_live:
                raise done.broke
            _tell(done, sinks, report, explain)
            in_a_row = in_a_row + 1 if isinstance(done.broke, InferenceError) else 0
            if done.broke is not None and in_a_row == BROKEN:
                raise done.broke
            del done  # its picture, while the next one is tagged
            if (totals.frames + totals.failed) % COLLECTED == 0:
                gc.collect()
    return totals


def _tell(
    done: Done, sinks: Iterable[Sink], report: Report | None, explain: Explain | None
) -> None:
    for sink in sinks:
        sink.write(done.result, done.picture)
    if report is not None:
        report(done.result, done.picture, done.at_s)
    if explain is not None and done.seen is not None:
        assert isinstance(done.result, FrameTags)
        assert done.picture is not None
        explain(done.result, done.picture, done.seen)


def _of_what_is_sure(report: Report, tagger: Tagger) -> Report:
    """Or a trout would come to a shop, at a probability of 0.0006, and somebody be called."""

    def told(result: FrameTags | FrameFailed, picture: Picture | None, at_s: float | None) -> None:
        if isinstance(result, FrameTags):
            result = replace(result, tags=reaching(result.tags, tagger.heads, tagger.tags))
        report(result, picture, at_s)

    return told


def _count(totals: Totals, result: FrameTags | FrameFailed, told: dict[str, str]) -> None:
    if isinstance(result, FrameFailed):
        totals.failed += 1
        is_told = told.get(result.source) == result.error  # each frame of a year may fail so
        told[result.source] = result.error
        log.log(logging.DEBUG if is_told else logging.ERROR, "%s", result.told)
    else:
        told.pop(result.source, None)
        totals.frames += 1
        log.debug("%s #%d: %d tags", result.source, result.frame, len(result.tags))
