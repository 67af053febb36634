"""source -> tag_frame -> sinks: files one after the other, live sources side by side with them.

Three things go on at once, each in a thread that lives as long as its source or its tagger: a
source reads (a live one into its mailbox, files one frame ahead), the tagger's engine runs, and the
next crop is cut while it does. The tagger takes live sources in turn, on one budget, and files as
one more of them.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import partial
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from edge.errors import ConfigError, EdgeError, InferenceError
from edge.frames import tag_frame, useful_ms
from edge.health.wall_clock import is_clock_synced
from edge.memory.known import Memory
from edge.pictures import pixels
from edge.records import SCHEMA, Frame, FrameFailed, FrameTags, Picture
from edge.schedule.cooling import Held, free
from edge.schedule.shares import next_turn, rested, settled, shared
from edge.schedule.spending import nobody
from edge.seen import Seen, View
from edge.sinks import Sink
from edge.sources import Source
from edge.sources.ahead import Ahead, Beside, read_ahead
from edge.sources.newest import Cameras, Mailbox, Newest
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

Result = TypeVar("Result", FrameTags, FrameFailed)
Explain = Callable[[FrameTags, Picture, Seen], None]
Report = Callable[[FrameTags | FrameFailed, Picture | None, float | None], None]


def ignored(n: int) -> None:
    """Nobody asks of which source a frame was not to be looked at."""


class Unwatched:
    """In place of a `Watch` where there is no config file: frames and tags stay as they are."""

    def between(self) -> None: ...

    def before(self, n: int, frame: Frame) -> Frame | None:
        return frame

    def after(self, n: int, result: FrameTags) -> FrameTags:
        return result


class Totals(msgspec.Struct):
    """What a run came to."""

    frames: int = 0  # tagged
    failed: int = 0  # could not be read; each one has its line among the results


class Done(msgspec.Struct, frozen=True, eq=False):
    """A frame, and what came of it."""

    result: FrameTags | FrameFailed
    picture: Picture | None = None  # None: it could not be read
    seen: Seen | None = None  # likewise
    at_s: float | None = None  # when it was taken, on its source's clock
    broke: EdgeError | None = None  # why it was not tagged, though it could be read


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
    begun: Ahead[tuple[int, Frame]] | None = None,
) -> Totals:
    """Tag every frame of every source, until `is_stopped()` or `max_frames`.

    Files come in turn, all live sources together, and files beside those as if they were one more.
    With several, the budget of a frame is what one frame of each of them may cost together: see
    `edge.schedule.shares`. A source that breaks ends with a failed frame, and the others go on.
    `explain` is told of each tagged frame how its tags came about, after the sinks have its result;
    `report` is told of each frame when it was taken, so that events can be made of them; `watch`
    does to frames and their tags what the config file says; `held` is asked before each frame what
    heat leaves of its budget; `off` is told the number of a source whose frame its schedule leaves
    out; `begun` is what `read_ahead` gave for these sources, where it was called before.
    A frame that the engine fails at is a failed one, and so is one that the plane is not for.
    Raises InferenceError where the engine fails at `BROKEN` in a row, ConfigError where the plane
    is for no frame of files so far (a camera may have what it had again, and there are others),
    SinkError, and BrokenPipeError when nobody reads the results any more.
    """
    totals, in_a_row, opened = Totals(), 0, list(sources)
    sinks = tuple(sinks)  # which may come one by one
    is_live = any(source.is_live for source in opened)
    told: dict[str, str] = {}  # source -> why its last frame failed
    watch = watch or Unwatched()
    with closing(_all(opened, begun, tagger, view, is_stopped, watch, held, off)) as frames:
        for done in islice(frames, max_frames):
            _count(totals, done.result, told)
            if isinstance(done.broke, ConfigError) and not totals.frames and not is_live:
                raise done.broke
            for sink in sinks:
                sink.write(done.result, done.picture)
            if report is not None:
                report(done.result, done.picture, done.at_s)
            if explain is not None and done.seen is not None:
                assert isinstance(done.result, FrameTags)
                assert done.picture is not None
                explain(done.result, done.picture, done.seen)
            in_a_row = in_a_row + 1 if isinstance(done.broke, InferenceError) else 0
            if done.broke is not None and in_a_row == BROKEN:
                raise done.broke
            del done  # its picture, while the next one is tagged
            if (totals.frames + totals.failed) % COLLECTED == 0:
                gc.collect()
    return totals


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


def _all(
    sources: Sequence[Source],
    begun: Ahead[tuple[int, Frame]] | None,
    tagger: Tagger,
    view: View,
    is_stopped: Callable[[], bool],
    watch: Watch | Unwatched,
    held: Callable[[], Held],
    off: Callable[[int], None],
) -> Generator[Done, None, None]:
    def between() -> bool:  # asked before each frame, and ten times a second while none comes
        watch.between()
        return is_stopped()

    files = begun or read_ahead(sources)
    live = {n: source.newest for n, source in enumerate(sources) if source.newest is not None}
    with nullcontext() if files is None else closing(files):
        if live:
            yield from _together(live, files, tagger, view, between, watch, held, off)
        elif files is not None:
            yield from _in_turn(files.taken(between), tagger, view, watch, held, off)


def _in_turn(
    frames: Iterable[tuple[int, Frame]],
    tagger: Tagger,
    view: View,
    watch: Watch | Unwatched,
    held: Callable[[], Held],
    off: Callable[[int], None],
) -> Iterator[Done]:
    past = Memory()
    for n, given in frames:
        if given.index == 0:
            past = Memory()  # pictures of a folder have nothing to do with one another
        frame = watch.before(n, given)
        if frame is None:
            off(n)
            continue
        now = held()
        budget = replace(view.budget, frame_ms=view.budget.frame_ms * now.factor)
        own = replace(view, budget=budget)
        yield _told(_done(frame, tagger, own, past, n, watch), now)
        del given, frame  # their picture, while the next one is waited for


def _together(
    live: Mapping[int, Newest],
    files: Ahead[tuple[int, Frame]] | None,
    tagger: Tagger,
    view: View,
    is_stopped: Callable[[], bool],
    watch: Watch | Unwatched,
    held: Callable[[], Held],
    off: Callable[[int], None],
) -> Iterator[Done]:
    numbers, beside = list(live), [] if files is None else [Beside(files)]
    mailboxes: list[Mailbox] = [*live.values(), *beside]
    pasts = [Memory() for _ in mailboxes]
    cameras = Cameras(mailboxes)
    shares = shared(len(mailboxes), view.budget.frame_ms)
    while waiting := cameras.waiting(is_stopped):
        now = held()
        pool_ms = view.budget.frame_ms * now.factor
        shares = replace(shares, pool_ms=pool_ms, useful_ms=useful_ms(tagger, view))
        shares, turn = next_turn(shares, cameras.came(waiting))
        if turn is None:
            if not cameras.rest():
                shares = rested(shares)
            continue
        given = cameras.take(turn.camera)
        if given is None:
            shares = settled(shares, turn, 0.0)
            continue
        n = numbers[turn.camera] if turn.camera < len(numbers) else beside[0].number
        if given.index == 0:
            pasts[turn.camera] = Memory()  # of another file there is nothing to know
        frame = watch.before(n, given)
        if frame is None:  # its camera is off: the others may have its time
            shares = settled(shares, turn, 0.0)
            off(n)
            continue
        limits = {"exploring_ms": turn.exploring_ms, "sure_ms": turn.sure_ms}
        own = replace(view, budget=replace(view.budget, frame_ms=turn.allowed_ms, **limits))
        others = partial(cameras.is_waited_for, turn.camera)
        done = _told(_done(frame, tagger, own, pasts[turn.camera], n, watch, others), now)
        seen = done.seen
        spent_ms = seen.spent.total_ms if seen else 0.0
        shares = settled(shares, turn, spent_ms, wants_more=bool(seen and seen.skipped))
        yield done


def _told(done: Done, held: Held) -> Done:
    """With what slows the device, where something does."""
    if not held.why or isinstance(done.result, FrameFailed):
        return done
    return replace(done, result=replace(done.result, held=held.why))


def _done(
    frame: Frame,
    tagger: Tagger,
    view: View,
    past: Memory,
    n: int,
    watch: Watch | Unwatched,
    is_waited_for: Callable[[], bool] = nobody,
) -> Done:
    if frame.pixels is None:
        return _failed(frame, frame.error, frame.fix)
    try:
        seen = tag_frame(tagger, frame.pixels, view, past, tagger.clock, frame.at_s, is_waited_for)
    except InferenceError as e:
        return _failed(frame, str(e), e.fix, e)
    except ConfigError as e:  # it has another shape than the plane
        return _failed(frame, f"{frame.source}: {e}", e.fix, e)
    result = _line(frame, seen, pixels.size(frame.pixels), tagger)
    return Done(_timed(watch.after(n, result), frame), frame.pixels, seen, frame.at_s)


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
