"""One frame, from the glance to what is known."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from msgspec import UNSET

from edge.frames.begun import Begun, begin
from edge.frames.closer_looks import CloserLooks
from edge.frames.measuring import Measuring, is_due
from edge.glance.heat import Heat
from edge.heads.colour import coloured
from edge.heads.scores import GALLERY, none_for
from edge.memory.known import BLIND_S, BLINDEST_S, Memory, Turn
from edge.pictures import pixels
from edge.records import Picture, Region, Spent, Tag
from edge.schedule.spending import nobody
from edge.seen import AS_USUAL, Looker, Seen, View, is_limited


def tag_frame(
    tagger: Looker,
    picture: Picture,
    view: View = AS_USUAL,
    past: Memory | None = None,
    clock: Callable[[], float] = perf_counter,
    at_s: float | None = None,
    is_waited_for: Callable[[], bool] = nobody,
) -> Seen:
    """The tags of a frame. Without a `past`, as if it were its source's first.

    clock  seconds; what the budget is measured with
    at_s   when the frame was taken, on any clock that runs with the frames; None: now
    is_waited_for  whether another camera has a frame; asked before a launch that ends beyond the
                   budget's `sure_ms`

    No launch is made that would end past the budget, unless nothing was launched for a second; but
    a glance that had no time for 2 s is made where it is likely to fit, and after 30 s anyway.
    Where a budget is too small for a glance and a closer look, they take turns. Raises
    InferenceError when the engine fails, ConfigError when fish are measured and the frame does not
    fit their plane, ValueError for an array that is no frame.
    """
    pixels.check(picture)
    if is_limited(view):
        tagger.pace.measure(tagger)
    frame = begin(tagger, picture, view, past or Memory(), clock, at_s, is_waited_for)
    closer = CloserLooks(frame, _glanced(frame))
    is_turn = view.ruler is not None and is_due(frame)
    lengths: tuple[Tag, ...] = ()
    if view.ruler is not None and is_turn:
        lengths = Measuring(frame).lengths(view.ruler, is_turn=True)
    if not view.whole and not frame.is_small:
        closer.look()
    if view.ruler is not None and not is_turn:
        lengths = Measuring(frame).lengths(view.ruler, is_turn=False)
    return _seen(frame, closer, lengths)


def _glanced(frame: Begun) -> Heat | None:
    """The whole frame, where it has changed or was not seen for long."""
    tagger, past, launches = frame.tagger, frame.past, frame.launches
    whole = Region(0, 0, *pixels.size(frame.picture), "full")
    could = not frame.view.whole and not frame.is_small and tagger.has_glance
    wants = could and past.wants_heat(frame.at_s)
    glance = tagger.glance_ahead(frame.picture) if wants else None
    if (frame.view.whole or past.wants_tags(frame.at_s)) and _may(frame, "tags", "focus"):
        looks = launches.look(tagger.looks(frame.picture, [whole]))
        tags = launches.told(looks, whole, "glance")
        rows = {name: scores[0] for name, scores in looks.scores.items()}
        past.saw_whole(tags, frame.at_s, none_for(tagger.heads, rows), rows.get(GALLERY))
    if glance is None or not _may(frame, "heat", "glance"):
        return None
    heat, _ = launches.glance(glance)
    launches.glances += 1
    past.saw_heat(heat, frame.at_s)
    return heat


def _may(frame: Begun, turn: Turn, role: str) -> bool:
    """Whether a launch for the glance is made: it fits, and a closer look fits beside it, or closer
    looks had their turn already.
    """
    fits = frame.spending.fits(role)
    if frame.view.whole or frame.is_small:
        return fits
    if not fits:
        return turn == "heat" and _is_overdue(frame, role)
    return frame.spending.has_time_for(role, "focus") or frame.past.is_turn(turn)


def _is_overdue(frame: Begun, role: str) -> bool:
    """Whether a glance is made though the frame may be late with it: for long none had time."""
    blind_s = frame.past.blind_s(frame.at_s)
    return blind_s >= BLINDEST_S or (blind_s >= BLIND_S and frame.spending.should_fit(role))


def _seen(frame: Begun, closer: CloserLooks, lengths: tuple[Tag, ...]) -> Seen:
    """What is known now, and what it took."""
    past, view, tagger = frame.past, frame.view, frame.tagger
    known_tags = past.tags(tagger.heads, tagger.tags, frame.at_s, view.top_k)
    tags, past.colours = coloured(frame.picture, known_tags, past.colours)
    if past.measured is not None:
        tags = past.measured.told(tags, lengths)
    return Seen(
        tags=tags,
        spent=_spent(frame),
        coverage=1.0 if view.whole else past.sweep.coverage(),
        oldest_s=0.0 if view.whole else past.sweep.oldest_s(),
        looks=tuple(frame.launches.looks),
        skipped=closer.skipped,
        heat=closer.heat,
        motion=past.motion,
        items=closer.items,
        candidates=closer.candidates,
        slowdown=tagger.pace.slowdown,
        budget_ms=view.budget.frame_ms,
        ages_s=past.sweep.ages_s(),
        none=past.none(tagger.heads, frame.at_s),
    )


def _spent(frame: Begun) -> Spent:
    made, spending, past = frame.launches, frame.spending, frame.past
    closer, tail_ms = made.closer, spending.tail_ms
    launches = len(made.looks) - closer + made.glances
    limit_ms = frame.view.budget.frame_ms if is_limited(frame.view) else UNSET
    past.tail_ms = max(tail_ms or 0.0, 0.9 * past.tail_ms)  # a hiccup is forgotten in time
    return Spent(spending.ms, spending.engine_ms, launches, closer, limit_ms)
