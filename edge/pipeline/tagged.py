"""One frame, and its line among the results."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from edge.errors import ConfigError, EdgeError, InferenceError
from edge.frames import tag_frame
from edge.health.wall_clock import is_clock_synced
from edge.memory.known import Memory
from edge.pictures import pixels
from edge.records import SCHEMA, Frame, FrameFailed, FrameTags, Picture
from edge.schedule.cooling import Held, free
from edge.schedule.spending import nobody
from edge.seen import Seen, View
from edge.tagger import Tagger

if TYPE_CHECKING:
    from edge.config.watch import Watch

Result = TypeVar("Result", FrameTags, FrameFailed)


class Unwatched:
    """In place of a `Watch` where there is no config file: frames and tags stay as they are."""

    def between(self) -> None: ...

    def before(self, n: int, frame: Frame) -> Frame | None:
        return frame

    def after(self, n: int, result: FrameTags) -> FrameTags:
        return result


def ignored(n: int) -> None:
    """Nobody wants to know that a frame of source `n` was left out by its schedule."""


class Way(msgspec.Struct, frozen=True, eq=False):
    """How every frame of a run is tagged."""

    tagger: Tagger
    view: View
    watch: Watch | Unwatched = Unwatched()  # does to frames and tags what the config file says
    held: Callable[[], Held] = free  # what heat leaves of a budget
    off: Callable[[int], None] = ignored  # told of the source whose schedule leaves a frame out


class Done(msgspec.Struct, frozen=True, eq=False):
    """A frame, and what came of it."""

    result: FrameTags | FrameFailed
    picture: Picture | None = None  # None: it could not be read
    seen: Seen | None = None  # likewise
    at_s: float | None = None  # when it was taken, on its source's clock
    broke: EdgeError | None = None  # why it was not tagged, though it could be read


def tagged(
    way: Way,
    n: int,
    given: Frame,
    past: Memory,
    view: View,
    held: Held,
    is_waited_for: Callable[[], bool] = nobody,
) -> Done | None:
    """A frame of source `n`; None where its schedule leaves it out. `view` is the way's, with what
    this frame may cost.
    """
    frame = way.watch.before(n, given)
    if frame is None:
        way.off(n)
        return None
    done = _done(way, n, frame, past, view, is_waited_for)
    if not held.why or isinstance(done.result, FrameFailed):
        return done
    return replace(done, result=replace(done.result, held=held.why))


def _done(
    way: Way, n: int, frame: Frame, past: Memory, view: View, is_waited_for: Callable[[], bool]
) -> Done:
    if frame.pixels is None:
        return _failed(frame, frame.error, frame.fix)
    tagger = way.tagger
    try:
        seen = tag_frame(tagger, frame.pixels, view, past, tagger.clock, frame.at_s, is_waited_for)
    except InferenceError as e:
        return _failed(frame, str(e), e.fix, e)
    except ConfigError as e:  # it has another shape than the plane
        return _failed(frame, f"{frame.source}: {e}", e.fix, e)
    result = _line(frame, seen, pixels.size(frame.pixels), tagger)
    return Done(_timed(way.watch.after(n, result), frame), frame.pixels, seen, frame.at_s)


def _failed(frame: Frame, why: str, fix: str, broke: EdgeError | None = None) -> Done:
    failed = FrameFailed(SCHEMA, frame.source, frame.index, frame.time, why, fix or UNSET)
    return Done(_timed(failed, frame), broke=broke)


def _timed(result: Result, frame: Frame) -> Result:
    """With the time that no clock setting moves, and whether the other one can be trusted."""
    is_synced = is_clock_synced()
    return replace(
        result,
        at_s=UNSET if frame.at_s is None else round(frame.at_s, 3),
        clock_synced=UNSET if is_synced is None else is_synced,
    )


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
            budget_ms=round(seen.budget_ms, 3) if isfinite(seen.budget_ms) else UNSET,
        ),
        coverage=round(seen.coverage, 4),
        oldest_s=round(seen.oldest_s, 3),
        shed=seen.shed,
        bundle=tagger.bundle.id,
        engine=tagger.engine,
        device=tagger.device or UNSET,
        none=tuple(
            replace(one, heads={head: round(p, 4) for head, p in one.heads.items()})
            for one in seen.none
        ),
    )
