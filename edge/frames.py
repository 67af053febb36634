"""The way of one frame: gate, glance, schedule, focus, fuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import UNSET

from edge.glance.heat import Heat
from edge.glance.parts import joined
from edge.heads.colour import coloured
from edge.heads.scores import GALLERY, none_for
from edge.launches import Launches
from edge.measuring import Measuring, is_due
from edge.memory.known import Memory, Turn
from edge.pictures import pixels
from edge.pictures.regions import overlap
from edge.records import Box, Budget, Picture, Region, Spent, Tag
from edge.schedule.candidates import (
    Candidate,
    Item,
    asked,
    candidates,
    missed,
)
from edge.schedule.plan import EXPLORING, NOTHING, Asked, Choice, plan
from edge.schedule.spending import Spending, nobody
from edge.seen import (
    AS_USUAL,
    Glance,
    Looked,
    Looker,
    Looks,
    Seen,
    Skipped,
    View,
    has_gallery,
    is_limited,
)

if TYPE_CHECKING:
    from edge.length.ruler import Ruler

USEFUL = 3  # closer looks of a frame that is of use: two things, and something that moved
ROOM = 4.0  # glances: a budget of less has none for parts of the frame, closer looks need it
SAME = 0.6  # of the area of both: one crop twice in a frame would show the same


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
    is_waited_for  has another camera a frame? Asked before what is beyond the budget's `sure_ms`

    No launch is made that would end past the budget, unless nothing at all was launched for a
    second. Where a budget is too small for a glance and a closer look, they take turns. Raises
    InferenceError when the engine fails, ConfigError where fish are measured and the frame is not
    for their plane, ValueError for an array that is no frame.
    """
    pixels.check(picture)
    if is_limited(view):
        tagger.pace.measure(tagger)
    run = _Run(tagger, picture, view, past or Memory(), clock, at_s, is_waited_for)
    run.glance()
    is_turn = view.ruler is not None and is_due(run.past, view, run.at_s)
    if view.ruler is not None and is_turn:
        run.measure(view.ruler, is_turn=True)
    if not view.whole:
        run.focus()
    if view.ruler is not None and not is_turn:
        run.measure(view.ruler, is_turn=False)
    return run.seen()


class _Run:
    """One frame in the making."""

    def __init__(
        self,
        tagger: Looker,
        picture: Picture,
        view: View,
        past: Memory,
        clock: Callable[[], float],
        at_s: float | None,
        is_waited_for: Callable[[], bool],
    ) -> None:
        start_s = clock()
        self._tagger, self._picture = tagger, picture
        self._view, self.past = view, past
        self.at_s = past.time_s(start_s if at_s is None else at_s)
        self._width, self._height = pixels.size(picture)
        self._is_small = past.arrive(
            picture,
            self.at_s,
            tagger.input_px,
            is_fine=has_gallery(tagger.heads) and not is_limited(view),
            enrolled=tagger.tags.get(GALLERY),
        )
        idle_s, tail_ms = self.at_s - past.launched_s, past.tail_ms
        self._spending = Spending(
            view.budget, tail_ms, idle_s, tagger.pace, clock, start_s, is_waited_for
        )
        self._launches = Launches(tagger, view, past, self._spending, self.at_s)
        self._skipped: list[Skipped] = []
        self._heat: Heat | None = None
        self._ahead: dict[Region, Glance] = {}
        self._done: list[Box] = []  # things looked at
        self._before: list[tuple[Item, Region]] = []  # looks of plans that a part has changed
        self._exploring_ms = 0.0
        self._items: Sequence[Item] = ()
        self._found: Sequence[Candidate] = ()
        self._lengths: Sequence[Tag] = ()
        self._left: Sequence[Skipped] = ()  # tiles that exploration was not given the time for

    def glance(self) -> None:
        """The whole frame, where it has changed or was not seen for long."""
        past, whole = self.past, Region(0, 0, self._width, self._height, "full")
        could = not self._view.whole and not self._is_small and self._tagger.has_glance
        wants = could and past.wants_heat(self.at_s)
        glance = self._tagger.glance_ahead(self._picture) if wants else None
        if (self._view.whole or past.wants_tags(self.at_s)) and self._may("tags", "focus"):
            looks = self._launches.look(self._tagger.looks(self._picture, [whole]))
            tags = self._launches.told(looks, whole, "glance")
            rows = {name: scores[0] for name, scores in looks.scores.items()}
            none = none_for(self._tagger.heads, rows)
            past.saw_whole(tags, self.at_s, none, rows.get(GALLERY))
        if glance is not None and self._may("heat", "glance"):
            self._heat = self._launches.glance(glance)[0]
            self._launches.glances += 1
            past.saw_heat(self._heat, self.at_s)

    def focus(self) -> None:
        """Closer looks, the best first, until the budget is spent.

        While the engine is busy with one, the next is cut and resized: that may be for nothing, as
        whether it is launched is decided when its turn comes.
        """
        if self._is_small:
            return
        budget, cost_ms = self._view.budget, self._tagger.pace.planned_ms("focus")
        tenth_ms = EXPLORING * budget.frame_ms
        given_ms = tenth_ms if budget.exploring_ms is None else budget.exploring_ms
        self._exploring_ms = self.past.sweep.owed_ms(given_ms, cost_ms)
        self._items = self._wanted(with_parts=self._has_room())
        if all(item.why == "aged" for item in self._items) and not self._spending.is_waited_for:
            self._items = self._wanted(with_parts=self._tagger.has_glance)  # there is time for more
        if self._items and not self._spending.fits("focus"):
            self._skipped += [
                Skipped(Region(*item.box), item.why) for item in self._items if item.worth > NOTHING
            ]
            return
        question, made, part = self._planned()
        while part is not None:  # and what it shows may change the plan
            self._before += [
                (self._items[self._found[c.candidate].item], self._found[c.candidate].region)
                for c in made
            ]
            self._glance_at(part)
            self._items = self._wanted(with_parts=True)
            question, made, part = self._planned()
        self.past.had_turn("focus", self.at_s)  # there may have been nothing to look at
        self._skip(question, made)

    def measure(self, ruler: Ruler, *, is_turn: bool) -> None:
        """Fish and their lengths."""
        one = Measuring(self._tagger, self._picture, self._view, self._spending, self._launches)
        self._lengths = one.lengths(ruler, self.past, self.at_s, is_turn=is_turn)

    def seen(self) -> Seen:
        past, view = self.past, self._view
        known_tags = past.tags(self._tagger.heads, self._tagger.tags, self.at_s, view.top_k)
        tags, past.colours = coloured(self._picture, known_tags, past.colours)
        if past.measured is not None:
            tags = past.measured.told(tags, self._lengths)
        made, closer = self._launches, self._launches.closer
        launches = len(made.looks) - closer + made.glances
        limit_ms = view.budget.frame_ms if is_limited(view) else UNSET
        spending, tail_ms = self._spending, self._spending.tail_ms
        past.tail_ms = max(tail_ms or 0.0, 0.9 * past.tail_ms)  # a hiccup is forgotten in time
        return Seen(
            tags,
            Spent(spending.ms, spending.engine_ms, launches, closer, limit_ms),
            1.0 if view.whole else past.sweep.coverage(),
            0.0 if view.whole else past.sweep.oldest_s(),
            tuple(made.looks),
            (*self._skipped, *self._left),
            self._heat,
            past.motion,
            (*(item for item, _ in self._before), *self._items),
            tuple(self._candidates()),
            self._tagger.pace.slowdown,
            view.budget.frame_ms,
            past.sweep.ages_s(),
            past.none(self._tagger.heads, self.at_s),
        )

    def _planned(self) -> tuple[Asked, tuple[Choice, ...], Choice | None]:
        """What could be looked at; the looks made, in order; and the glance at a part that the plan
        has after them, if there is one and time for it.
        """
        self._items = [item for item in self._items if not self._is_done(item)]
        self._found = found = candidates(self._items, self._width, self._height)
        question, choices = self._plan()
        parts = [n for n, c in enumerate(choices) if found[c.candidate].region.kind == "part"]
        before = choices[: parts[0]] if parts else choices
        for n in parts[:2]:  # and the one after it, as a glance at one may leave nothing between
            self._glance_ahead(found[choices[n].candidate].region)
        made = self._made(before)
        is_part = bool(parts) and made == len(before) and self._spending.fits("glance")
        return question, before[:made], choices[parts[0]] if is_part else None

    def _made(self, before: Sequence[Choice]) -> int:
        """How many of the looks there was time for. What came of one is worked into what is known
        while the engine is busy with the next.
        """
        regions = (self._found[choice.candidate].region for choice in before)
        saw: list[Callable[[], None]] = []
        try:
            with closing(self._tagger.looks(self._picture, regions)) as looks:
                while len(saw) < len(before) and self._spending.fits("focus"):
                    seen = partial(self._saw, self._launches.look(looks), before[len(saw)])
                    saw.append(self._tagger.aside(seen))
        finally:
            all_of(saw)
        return len(saw)

    def _plan(self) -> tuple[Asked, tuple[Choice, ...]]:
        """What could be looked at, and what will be. A look fits, or has to be made all the same:
        `Spending.fits` said so.
        """
        budget, pace = self._view.budget, self._tagger.pace
        cost_ms = pace.planned_ms("focus")
        part_ms = pace.planned_ms("glance") + 2 * cost_ms if self._tagger.has_glance else 0.0
        question = asked(self._items, self._found, cost_ms, part_ms)
        left_ms = max(self._spending.left_ms, cost_ms)
        left = budget.max_regions - self._launches.closer
        return question, plan(question, Budget(left_ms, left), self._exploring_ms)

    def _candidates(self) -> Iterator[Candidate]:
        """Of all plans, numbered as the items of all of them are."""
        for number, (_, region) in enumerate(self._before):
            yield Candidate(region, number)
        for candidate in self._found:
            yield Candidate(candidate.region, candidate.item + len(self._before))

    def _has_room(self) -> bool:
        """Is there budget for glances at parts of the frame?"""
        if not self._tagger.has_glance:
            return False
        return self._view.budget.frame_ms >= ROOM * self._tagger.pace.planned_ms("glance")

    def _is_done(self, item: Item) -> bool:
        """Was it looked at in this frame, in about this box?"""
        return not item.is_tile and any(overlap(item.box, box) >= SAME for box in self._done)

    def _wanted(self, *, with_parts: bool) -> list[Item]:
        """What there is to settle; of tiles that nothing but age speaks for, the longest forgotten,
        as many as exploration is given, where it is given so much and no more.
        """
        items = self.past.items(self.at_s, with_parts=with_parts)
        if self._view.budget.exploring_ms is None:
            return items
        most = int(self._exploring_ms / self._tagger.pace.planned_ms("focus") + 1e-6)
        aged = [item for item in items if item.why == "aged"]
        self._left = [Skipped(Region(*item.box, "tile"), "aged") for item in aged[most:]]
        return [item for item in items if item.why != "aged"] + aged[:most]

    def _glance_ahead(self, part: Region) -> Glance:
        """The one that will be made of it."""
        if part not in self._ahead:
            self._ahead[part] = self._tagger.glance_ahead(self._picture, part)
        return self._ahead[part]

    def _glance_at(self, choice: Choice) -> None:
        """A part of the frame, in which things are larger."""
        part = self._found[choice.candidate].region
        told, engine_ms = self._launches.glance(self._glance_ahead(part))
        self._launches.looks.append(
            Looked(part, "part", (), engine_ms, choice.gain, choice.cost_ms)
        )
        self._heat = joined(self._heat, told, part, self._width, self._height)
        self.past.saw_part(part, told, self.at_s)

    def _saw(self, looks: Looks, choice: Choice) -> None:
        """What came of a closer look."""
        candidate = self._found[choice.candidate]
        item, region = self._items[candidate.item], candidate.region
        tags = self._launches.told(looks, region, item.why, choice)
        self.past.saw(self._picture, self._tagger.heads, item, region, looks, tags, self.at_s)
        self._done += [] if item.is_tile else [item.box]
        if item.why == "aged":
            self.past.sweep.explored(choice.cost_ms)
            self._exploring_ms = max(0.0, self._exploring_ms - choice.cost_ms)

    def _may(self, turn: Turn, role: str) -> bool:
        """Whether a launch for the sake of the glance is made: it fits, and so does a closer look
        beside it; or such looks had their turn.
        """
        fits = self._spending.fits(role)
        if not fits or self._view.whole or self._is_small:
            return fits
        return self._spending.has_time_for(role, "focus") or self.past.is_turn(turn)

    def _skip(self, question: Asked, made: Sequence[Choice]) -> None:
        """What would still bring something after the looks that were made."""
        for row in missed(question, self._found, [choice.candidate for choice in made]):
            candidate = self._found[row]
            self._skipped.append(Skipped(candidate.region, self._items[candidate.item].why))


def all_of(work: Sequence[Callable[[], None]]) -> None:
    """In this order, whatever is raised: nothing goes on behind the caller's back."""
    with ExitStack() as all_done:
        for one in reversed(work):
            all_done.callback(one)


def useful_ms(tagger: Looker, view: View) -> float:
    """What a frame costs that is of use: the tags of all of it, a glance, and some closer looks.

    0 without a budget: nobody asks.
    """
    if not is_limited(view):
        return 0.0
    pace = tagger.pace
    pace.measure(tagger)
    glance_ms = pace.stopped_ms("glance") if tagger.has_glance else 0.0
    return (1 + USEFUL) * pace.stopped_ms("focus") + glance_ms


def too_tight(tagger: Looker, view: View) -> str:
    """Why no frame has a closer look beside the one at all of it; "" where there is time for it."""
    if view.whole or not is_limited(view):
        return ""
    tagger.pace.measure(tagger)
    look_ms, budget_ms = tagger.pace.stopped_ms("focus"), view.budget.frame_ms
    if 2 * look_ms <= budget_ms:
        return ""
    return (
        f"a look takes up to {look_ms:.3g} ms here: beside the one at the whole frame, "
        f"{budget_ms:g} ms leave no time for a closer one (fix: a larger --budget-ms, or --whole)"
    )
