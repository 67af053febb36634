"""Whose frame is next, and what it may cost: files one after the other, live sources in turn."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import partial

from msgspec.structs import replace

from edge.frames import useful_ms
from edge.memory.known import Memory
from edge.pipeline.tagged import Done, Way, tagged
from edge.records import Frame
from edge.schedule.cooling import Held
from edge.schedule.shares import Shares, Turn, next_turn, rested, settled, shared
from edge.seen import View
from edge.sources import Source
from edge.sources.ahead import Ahead, Beside, read_ahead
from edge.sources.newest import Cameras, Mailbox, Newest


def tagged_in_turn(
    sources: Sequence[Source],
    ahead: Ahead[tuple[int, Frame]] | None,
    way: Way,
    is_stopped: Callable[[], bool],
) -> Generator[Done, None, None]:
    """Every frame of every source, until `is_stopped()`."""

    def between() -> bool:  # asked before each frame, and ten times a second while none comes
        way.watch.between()
        return is_stopped()

    files = ahead or read_ahead(sources)
    live = {n: source.newest for n, source in enumerate(sources) if source.newest is not None}
    with nullcontext() if files is None else closing(files):
        if live:
            yield from _together(live, files, way, between)
        elif files is not None:
            yield from _one_by_one(files.taken(between), way)


def _one_by_one(frames: Iterable[tuple[int, Frame]], way: Way) -> Iterator[Done]:
    past = Memory()
    for n, frame in frames:
        if frame.index == 0:
            past = Memory()  # pictures of a folder have nothing to do with one another
        now = way.held()
        budget = replace(way.view.budget, frame_ms=way.view.budget.frame_ms * now.factor)
        done = tagged(way, n, frame, past, replace(way.view, budget=budget), now)
        if done is not None:
            yield done
        del frame, done  # their picture, while the next one is waited for


def _together(
    live: Mapping[int, Newest],
    files: Ahead[tuple[int, Frame]] | None,
    way: Way,
    is_stopped: Callable[[], bool],
) -> Iterator[Done]:
    """One frame after the other, of whoever's turn it is; see `edge.schedule.shares`."""
    numbers, beside = list(live), [] if files is None else [Beside(files)]
    mailboxes: list[Mailbox] = [*live.values(), *beside]
    pasts = [Memory() for _ in mailboxes]
    cameras = Cameras(mailboxes)
    shares = shared(len(mailboxes), way.view.budget.frame_ms)
    while waiting := cameras.waiting(is_stopped):
        now = way.held()
        shares, turn = next_turn(_filled(shares, way, now), cameras.came(waiting))
        if turn is None:
            shares = shares if cameras.rest() else rested(shares)
            continue
        camera, done = turn.camera, None
        if (frame := cameras.take(camera)) is not None:
            n = numbers[camera] if camera < len(numbers) else beside[0].number
            if frame.index == 0:
                pasts[camera] = Memory()  # of another file there is nothing to know
            others = partial(cameras.is_waited_for, camera)
            done = tagged(way, n, frame, pasts[camera], _allowed(way, turn), now, others)
        shares = _after(shares, turn, done)
        if done is not None:
            yield done
        del frame, done  # their picture, while the next one is waited for


def _filled(shares: Shares, way: Way, held: Held) -> Shares:
    """With the pool of now (heat may leave less of it) and the cost of a useful frame of now."""
    pool_ms = way.view.budget.frame_ms * held.factor
    return replace(shares, pool_ms=pool_ms, useful_ms=useful_ms(way.tagger, way.view))


def _after(shares: Shares, turn: Turn, done: Done | None) -> Shares:
    """After a turn. A turn without a frame, or with one that failed, has spent nothing."""
    seen = None if done is None else done.seen
    spent_ms = 0.0 if seen is None else seen.spent.total_ms
    return settled(shares, turn, spent_ms, wants_more=bool(seen and seen.skipped))


def _allowed(way: Way, turn: Turn) -> View:
    """What the frame of this turn may cost."""
    limits = {"exploring_ms": turn.exploring_ms, "sure_ms": turn.sure_ms}
    budget = replace(way.view.budget, frame_ms=turn.allowed_ms, **limits)
    return replace(way.view, budget=budget)
