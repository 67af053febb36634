"""The way of one frame: gate, glance, schedule, focus, fuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edge.glance.heat import Heat
from edge.glance.parts import joined
from edge.heads.colour import coloured
from edge.heads.scores import ATTRIBUTES, GALLERY, none_for, tags_for
from edge.heads.worn import head_of, worn
from edge.memory.known import Memory, Turn
from edge.pictures import pixels
from edge.pictures.regions import overlap
from edge.records import Box, Budget, Picture, Region, Spent, Tag
from edge.schedule.candidates import (
    Candidate,
    Item,
    Why,
    asked,
    candidates,
    crop_around,
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
    if is_turn := view.ruler is not None and run.is_measuring_due():
        run.measure(view.ruler, is_turn=True)
    if not view.whole:
        run.focus()
    if view.ruler is not None and not is_turn:
        run.measure(view.ruler)
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
        self._view, self._past = view, past
        self._at_s = start_s if at_s is None else at_s
        self._width, self._height = pixels.size(picture)
        self._is_small = past.arrive(
            picture,
            self._at_s,
            tagger.input_px,
            is_fine=has_gallery(tagger.heads) and not is_limited(view),
            enrolled=tagger.tags.get(GALLERY),
        )
        idle_s, tail_ms = self._at_s - past.launched_s, past.tail_ms
        self._spending = Spending(
            view.budget, tail_ms, idle_s, tagger.pace, clock, start_s, is_waited_for
        )
        self._looks: list[Looked] = []
        self._skipped: list[Skipped] = []
        self._heat: Heat | None = None
        self._glances = 0
        self._ahead: dict[Region, Glance] = {}
        self._done: list[Box] = []  # things looked at
        self._before: list[tuple[Item, Region]] = []  # looks of plans that a part has changed
        self._exploring_ms = 0.0
        self._items: Sequence[Item] = ()
        self._found: Sequence[Candidate] = ()
        self._lengths: Sequence[Tag] = ()
        self._must_name = False
        self._left: Sequence[Skipped] = ()  # tiles that exploration was not given the time for

    def glance(self) -> None:
        """The whole frame, where it has changed or was not seen for long."""
        past, whole = self._past, Region(0, 0, self._width, self._height, "full")
        could = not self._view.whole and not self._is_small and self._tagger.has_glance
        wants = could and past.wants_heat(self._at_s)
        glance = self._tagger.glance_ahead(self._picture) if wants else None
        if (self._view.whole or past.wants_tags(self._at_s)) and self._may("tags", "focus"):
            looks = self._launch(self._tagger.looks(self._picture, [whole]))
            tags = self._told(looks, whole, "glance")
            rows = {name: scores[0] for name, scores in looks.scores.items()}
            none = none_for(self._tagger.heads, rows)
            past.saw_whole(tags, self._at_s, none, rows.get(GALLERY))
        if glance is not None and self._may("heat", "glance"):
            self._heat = self._glanced(glance)[0]
            self._glances += 1
            past.saw_heat(self._heat, self._at_s)

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
        self._exploring_ms = self._past.sweep.owed_ms(given_ms, cost_ms)
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
        self._past.had_turn("focus", self._at_s)  # there may have been nothing to look at
        self._skip(question, made)

    def is_measuring_due(self) -> bool:
        """Is it to come before the closer looks, which would leave it no time?"""
        past = self._past
        if past.measured is None or not is_limited(self._view):
            return is_limited(self._view)
        has_moved = past.has_moved_since(past.measured.turn_s)
        return past.measured.is_due(self._at_s, has_moved=has_moved)

    def measure(self, ruler: Ruler, *, is_turn: bool = False) -> None:
        """Fish and their lengths, in what is left of the budget; or all the same, where it is due.
        That counts as no launch: looks are not left out later for having waited for it.
        """
        past, limit_ms = self._past, self._view.budget.frame_ms
        past.measured = past.measured or ruler.begin()
        lengths = past.measured.look(
            ruler,
            self._picture,
            self._at_s,
            lambda: limit_ms - self._spending.ms,
            past.new_id,
            is_turn=is_turn,
        )
        self._must_name = is_turn  # or a turn that leaves no time would name none, again and again
        self._lengths = past.measured.named(lengths, self._named)
        self._spending.rested()

    def _named(self, name: str, box: Box) -> str | None:
        """What a head says of a box, or ""; None: no such head, no time, no closer looks."""
        head = next((head for head in self._tagger.heads if head.name == name), None)
        has_time = self._must_name or self._spending.fits("focus")
        if head is None or self._view.whole or not has_time:
            return None
        self._must_name = False
        region = crop_around(box, self._width, self._height)
        looks = self._launch(self._tagger.looks(self._picture, [region]))
        self._told(looks, region, "track")
        tags = tags_for(head, self._tagger.tags[name], looks.scores[name][0], box)
        return tags[0].tag if tags else ""

    def seen(self) -> Seen:
        past, view = self._past, self._view
        known_tags = past.tags(self._tagger.heads, self._tagger.tags, self._at_s, view.top_k)
        tags, past.colours = coloured(self._picture, known_tags, past.colours)
        if past.measured is not None:
            tags = past.measured.told(tags, self._lengths)
        closer = sum(look.is_closer for look in self._looks)
        launches = len(self._looks) - closer + self._glances
        spending, tail_ms = self._spending, self._spending.tail_ms
        past.tail_ms = max(tail_ms or 0.0, 0.9 * past.tail_ms)  # a hiccup is forgotten in time
        return Seen(
            tags,
            Spent(spending.ms, spending.engine_ms, launches, closer),
            1.0 if view.whole else past.sweep.coverage(),
            0.0 if view.whole else past.sweep.oldest_s(),
            tuple(self._looks),
            (*self._skipped, *self._left),
            self._heat,
            past.motion,
            (*(item for item, _ in self._before), *self._items),
            tuple(self._candidates()),
            self._tagger.pace.slowdown,
            view.budget.frame_ms,
            past.sweep.ages_s(),
            past.none(self._tagger.heads, self._at_s),
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
                    seen = partial(self._saw, self._launch(looks), before[len(saw)])
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
        left = budget.max_regions - sum(look.is_closer for look in self._looks)
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
        items = self._past.items(self._at_s, with_parts=with_parts)
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
        told, engine_ms = self._glanced(self._glance_ahead(part))
        self._looks.append(Looked(part, "part", (), engine_ms, choice.gain, choice.cost_ms))
        self._heat = joined(self._heat, told, part, self._width, self._height)
        self._past.saw_part(part, told, self._at_s)

    def _glanced(self, glance: Glance) -> tuple[Heat, float]:
        begin_ms = self._spending.ms
        heat, engine_ms = glance()
        self._launched("glance", begin_ms, engine_ms)
        return heat, engine_ms

    def _saw(self, looks: Looks, choice: Choice) -> None:
        """What came of a closer look."""
        candidate = self._found[choice.candidate]
        item, region = self._items[candidate.item], candidate.region
        tags = self._told(looks, region, item.why, choice)
        self._past.saw(self._picture, self._tagger.heads, item, region, looks, tags, self._at_s)
        self._done += [] if item.is_tile else [item.box]
        if item.why == "aged":
            self._past.sweep.explored(choice.cost_ms)
            self._exploring_ms = max(0.0, self._exploring_ms - choice.cost_ms)

    def _launch(self, ready: Iterator[Looks]) -> Looks:
        """The next of `ready`."""
        begin_ms = self._spending.ms
        looks = next(ready)
        self._launched("focus", begin_ms, looks.engine_ms)
        return looks

    def _told(
        self, looks: Looks, region: Region, why: Why, choice: Choice | None = None
    ) -> tuple[Tag, ...]:
        """What a look says alone."""
        head, names = head_of(self._tagger.heads), self._tagger.tags.get(ATTRIBUTES, ())
        row = None if head is None else looks.scores[ATTRIBUTES][0]
        tags = worn(tuple(self._tags_of(looks, region)), head, names, row)
        gain, cost_ms = (choice.gain, choice.cost_ms) if choice else (0.0, 0.0)
        self._looks.append(Looked(region, why, tags, looks.engine_ms, gain, cost_ms))
        return tags

    def _tags_of(self, looks: Looks, region: Region) -> Iterator[Tag]:
        for head in self._tagger.heads:
            if head.name == ATTRIBUTES:
                continue
            row, names = looks.scores[head.name][0], self._tagger.tags[head.name]
            yield from tags_for(head, names, row, region.box, self._view.top_k)

    def _launched(self, role: str, begin_ms: float, engine_ms: float) -> None:
        self._spending.launched(role, begin_ms, engine_ms)
        self._past.launched_s = self._at_s

    def _may(self, turn: Turn, role: str) -> bool:
        """Whether a launch for the sake of the glance is made: it fits, and so does a closer look
        beside it; or such looks had their turn.
        """
        fits = self._spending.fits(role)
        if not fits or self._view.whole or self._is_small:
            return fits
        return self._spending.has_time_for(role, "focus") or self._past.is_turn(turn)

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
