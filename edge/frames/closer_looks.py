"""Closer looks of one frame, the best first, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial

from edge.frames.begun import Begun
from edge.glance.heat import Heat
from edge.glance.parts import joined
from edge.memory.places import many_in
from edge.pictures import pixels
from edge.pictures.regions import overlap
from edge.records import Box, Budget, Region
from edge.schedule.candidates import Candidate, Item, candidates, missed, question_of
from edge.schedule.plan import EXPLORING, NOTHING, Choice, Question, plan
from edge.seen import Glance, Looked, Looks, Skipped

ROOM = 4.0  # glances: with a smaller budget parts of the frame get none, closer looks need it
SAME = 0.6  # overlap from which two crops of one frame would show the same


class CloserLooks:
    """Looks at one frame: planned, made, and what there was no time for."""

    def __init__(self, frame: Begun, heat: Heat | None) -> None:
        """heat: what the glance at all of the frame gave, if there was one"""
        self.heat = heat  # with what glances at parts added
        self._frame, self._tagger, self._past = frame, frame.tagger, frame.past
        self._launches, self._spending = frame.launches, frame.spending
        self._size = pixels.size(frame.picture)
        self._skipped: list[Skipped] = []
        self._left: Sequence[Skipped] = ()  # tiles that exploration was not given the time for
        self._ahead: dict[Region, Glance] = {}
        self._done: list[Box] = []  # things looked at
        self._before: list[tuple[Item, Region]] = []  # looks of plans that a part has changed
        self._exploring_ms = 0.0
        self._items: Sequence[Item] = ()
        self._found: Sequence[Candidate] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """For want of budget."""
        return (*self._skipped, *self._left)

    @property
    def items(self) -> tuple[Item, ...]:
        """What there was to settle, of all plans."""
        return (*(item for item, _ in self._before), *self._items)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Where a look could have gone, numbered as `items` are."""
        before = [Candidate(region, number) for number, (_, region) in enumerate(self._before)]
        now = [Candidate(c.region, c.item + len(before)) for c in self._found]
        return (*before, *now)

    def look(self) -> None:
        """Make them. While the engine runs one, the next is cut and resized; that may be for
        nothing, because whether it is launched is decided only when its turn comes.
        """
        self._want()
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
        self._past.had_turn("focus", self._frame.at_s)  # there may have been nothing to look at
        self._skip(question, made)

    def _want(self) -> None:
        """Find what there is to settle. Parts of the frame are among it where the budget allows
        glances at them; where there is nothing else to do, so are they and what is unlikely.
        """
        budget, cost_ms = self._frame.view.budget, self._tagger.pace.planned_ms("focus")
        tenth_ms = EXPLORING * budget.frame_ms
        given_ms = tenth_ms if budget.exploring_ms is None else budget.exploring_ms
        self._exploring_ms = self._past.sweep.owed_ms(given_ms, cost_ms)
        self._items = self._wanted(with_parts=self._has_room())
        if all(item.why == "aged" for item in self._items) and not self._spending.is_waited_for:
            self._items = self._wanted(with_parts=self._tagger.has_glance, is_idle=True)

    def _planned(self) -> tuple[Question, tuple[Choice, ...], Choice | None]:
        """What could be looked at; the looks made, in order; and the glance at a part that the plan
        has after them, if there is one and time for it.
        """
        self._items = [item for item in self._items if not self._is_done(item)]
        self._found = found = candidates(self._items, *self._size)
        question, choices = self._plan()
        parts = [n for n, c in enumerate(choices) if found[c.candidate].region.kind == "part"]
        before = choices[: parts[0]] if parts else choices
        for n in parts[:2]:  # and the one after it, as a glance at one may leave nothing between
            self._glance_ahead(found[choices[n].candidate].region)
        made = self._made(before)
        is_part = bool(parts) and made == len(before) and self._spending.fits("glance")
        return question, before[:made], choices[parts[0]] if is_part else None

    def _made(self, before: Sequence[Choice]) -> int:
        """Make the looks of `before` that there is time for; how many that were. What one look
        showed is worked into what is known while the engine runs the next.
        """
        regions = (self._found[choice.candidate].region for choice in before)
        saw: list[Callable[[], None]] = []
        try:
            with closing(self._tagger.looks(self._frame.picture, regions)) as looks:
                while len(saw) < len(before) and self._spending.fits("focus"):
                    seen = partial(self._saw, self._launches.look(looks), before[len(saw)])
                    saw.append(self._tagger.aside(seen))
        finally:
            all_of(saw)
        return len(saw)

    def _plan(self) -> tuple[Question, tuple[Choice, ...]]:
        """What could be looked at, and what will be. At least one look fits, or has to be made all
        the same: `Spending.fits` said so.
        """
        budget, pace = self._frame.view.budget, self._tagger.pace
        cost_ms = pace.planned_ms("focus")
        part_ms = pace.planned_ms("glance") + 2 * cost_ms if self._tagger.has_glance else 0.0
        question = question_of(self._items, self._found, cost_ms, part_ms)
        left_ms = max(self._spending.left_ms, cost_ms)
        left = budget.max_regions - self._launches.closer
        return question, plan(question, Budget(left_ms, left), self._exploring_ms)

    def _has_room(self) -> bool:
        """Is there budget for glances at parts of the frame?"""
        if not self._tagger.has_glance:
            return False
        return self._frame.view.budget.frame_ms >= ROOM * self._tagger.pace.planned_ms("glance")

    def _is_done(self, item: Item) -> bool:
        """Was it looked at in this frame, in about this box?"""
        return not item.is_tile and any(overlap(item.box, box) >= SAME for box in self._done)

    def _wanted(self, *, with_parts: bool, is_idle: bool = False) -> list[Item]:
        """What there is to settle. Where exploration is given a fixed time, only as many aged tiles
        are among it as that pays for, those first that have waited longest.
        """
        items = self._past.items(self._frame.at_s, with_parts=with_parts, is_idle=is_idle)
        if self._frame.view.budget.exploring_ms is None:
            return items
        most = int(self._exploring_ms / self._tagger.pace.planned_ms("focus") + 1e-6)
        aged = [item for item in items if item.why == "aged"]
        self._left = [Skipped(Region(*item.box, "tile"), "aged") for item in aged[most:]]
        return [item for item in items if item.why != "aged"] + aged[:most]

    def _glance_ahead(self, part: Region) -> Glance:
        """The one that will be made of it."""
        if part not in self._ahead:
            self._ahead[part] = self._tagger.glance_ahead(self._frame.picture, part)
        return self._ahead[part]

    def _glance_at(self, choice: Choice) -> None:
        """A part of the frame, in which things are larger."""
        part = self._found[choice.candidate].region
        told, engine_ms = self._launches.glance(self._glance_ahead(part))
        self._launches.looks.append(
            Looked(part, "part", (), engine_ms, choice.gain, choice.cost_ms)
        )
        self.heat = joined(self.heat, told, part, *self._size)
        self._past.saw_part(part, told, self._frame.at_s)

    def _saw(self, looks: Looks, choice: Choice) -> None:
        """What came of a closer look."""
        candidate, frame = self._found[choice.candidate], self._frame
        item, region = self._items[candidate.item], candidate.region
        # In a picture, of which no other frame will tell more, a tile may be wrong now and then; in
        # frame after frame it would be wrong for months. Where something moved, there is something.
        is_one_of_many = item.why == "aged" and not frame.is_picture
        places = many_in(self._size, region.box) if is_one_of_many else 1.0
        tags = self._launches.told(looks, region, item.why, choice, places)
        self._past.saw(frame.picture, self._tagger.heads, item, region, looks, tags, frame.at_s)
        self._done += [] if item.is_tile else [item.box]
        if item.why == "aged":
            self._past.sweep.explored(choice.cost_ms)
            self._exploring_ms = max(0.0, self._exploring_ms - choice.cost_ms)

    def _skip(self, question: Question, made: Sequence[Choice]) -> None:
        """What would still bring something after the looks that were made."""
        for row in missed(question, self._found, [choice.candidate for choice in made]):
            candidate = self._found[row]
            self._skipped.append(Skipped(candidate.region, self._items[candidate.item].why))


def all_of(work: Sequence[Callable[[], None]]) -> None:
    """In this order, whatever is raised: nothing goes on behind the caller's back."""
    with ExitStack() as all_done:
        for one in reversed(work):
            all_done.callback(one)
