"""What is known of one camera from its frames so far: things, places, and when each was seen.

Bounded: a grid, at most tracks.MOST things, and the tiles of one frame size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.glance.heat import Heat, likely
from edge.heads.scores import GALLERY
from edge.memory.faint import RESTS_S
from edge.memory.motion import Motion
from edge.memory.parts import Parts
from edge.memory.place_tags import Names, PlaceTags
from edge.memory.sweep import Sweep
from edge.memory.things import Looks, Things
from edge.pictures import pixels
from edge.pictures.regions import alike
from edge.records import F32, Box, Nothing, Picture, Region, Tag
from edge.schedule.candidates import Item, moved_boxes, unexplained
from edge.schedule.steady import smoothed_demand, steady

if TYPE_CHECKING:
    from edge.length.ruler import Measured

TAGS_S = 1.0  # how old the tags of the whole frame may be while something moves
STILL_S = 10.0  # how old they, and the heat, may be while nothing does
# So much is left for tiles once a glance told of things: of 256 looks at tiles of composed scenes
# one named anything, where a tenth is expected of a place that nobody knows.
HIDDEN = 0.05
HIDDEN_IN_PARTS = 0.03  # likewise, once glances told of all parts of the frame
STANDS_S = 2.0  # a frame in which nothing moved for so long shows what stands
BACK_S = 1.0  # by which a clock may go back; more, and it began anew
# Without a glance that is wanted: from here on it is made where it is likely to fit, or anyway.
BLIND_S, BLINDEST_S = 2.0, 30.0
KNOWN_S = 0.5  # how old the heat may be while only known things move

Turn = Literal["tags", "heat", "focus"]  # what a launch is for


class Memory:
    """One for each source; a new one for a picture that has nothing to do with the one before."""

    def __init__(self) -> None:
        self.launched_s = -np.inf  # when anything was
        self.tail_ms = 0.0  # what a frame takes after its last launch
        self.colours: dict[int | Box, str] = {}  # of what was told: see edge.heads.colour
        self._size, self._now_s = (0, 0), -np.inf
        self.first_size = self._size  # of the source's first frame
        self._things = Things(self._size, Motion(*self._size), 1)
        self.measured: Measured | None = None  # of fish, by whoever has a ruler
        self._enrolled: object = None

    def _begin(self, size: tuple[int, int], input_px: int, at_s: float, finer: int) -> None:
        """Begin anew: the frames have another size, or their clock began anew."""
        self._size = size
        self.first_size = size if self.first_size == (0, 0) else self.first_size
        self.measured = None
        self.launched_s = -np.inf
        self.sweep = Sweep(*size, input_px, at_s, finer=finer)
        self._motion = Motion(*size)
        self._things = Things(size, self._motion, self._things.next_id)
        self._began_s = at_s
        self._moves = False  # since the frame was last seen as a whole
        self._place_tags = PlaceTags(size)
        self._turns: dict[Turn, float] = {}  # when each last had its
        self._parts = Parts(size, input_px)
        self._usual, self._wanted = 0.0, 0  # looks that a frame wants; that the newest does

    def time_s(self, at_s: float) -> float:
        """The time that counts for a frame taken `at_s`: never before that of the frame before it,
        or something would have been seen in the future; unless the clock began anew.
        """
        return at_s if at_s < self._now_s - BACK_S else max(at_s, self._now_s)

    def arrive(
        self,
        picture: Picture,
        at_s: float,
        input_px: int,
        *,
        finer: int = 0,
        enrolled: object = None,
    ) -> bool:
        """A new frame; True when one look at all of it shows everything there is to see.

        finer     sizes of smaller tiles, for what a glance misses; asked once for each frame size
        enrolled  the names of a gallery: others, and everything is worth a new look
        """
        size = pixels.size(picture)
        if size != self._size or at_s < self._now_s - BACK_S:
            self._begin(size, input_px, at_s, finer)
        elif enrolled is not self._enrolled:
            self._learn_again(input_px, at_s, finer)
        self._enrolled = enrolled
        self._now_s = at_s
        self._usual = smoothed_demand(self._usual, self._wanted)
        self._wanted = 0
        self.sweep.pass_to(at_s)
        self._motion.see(picture, at_s)
        self._moves = self._moves or self._motion.is_any
        if self._motion.is_awake:
            self._place_tags.forget_places()
            self._parts.forget()
            self.sweep.wake()
        self._parts.moved(self._motion.is_at)
        self._things.arrive(picture, at_s)
        self._motion.wait(self._moved(self._things.boxes(at_s)), at_s)
        return self.sweep.is_small

    @property
    def motion(self) -> F32:
        """(rows, columns) 0..1 of the newest frame"""
        return self._motion.now

    # What the frame is worth a glance for, and whose turn it is when not everything can be done.

    def wants_tags(self, at_s: float) -> bool:
        """Whether the tags of the whole frame are out of date."""
        if self._motion.is_awake or (self.sweep.is_small and self._moves):
            return True
        return self._age_s("tags", at_s) >= (TAGS_S if self._moves else STILL_S)

    def wants_heat(self, at_s: float) -> bool:
        """Whether anything moved, the last glance missed a thing, or it was long ago.

        While all that moves is known and is where it should be, a glance now and then is enough.
        """
        age_s = self._age_s("heat", at_s)
        if self._things.is_any_astray(at_s):
            return True
        if age_s < RESTS_S:
            return False
        if age_s >= STILL_S or any(track.misses for track in self._things.tracks):
            return True
        if self._motion.last_s() <= self._turns.get("heat", -np.inf):
            return False
        known = self._things.boxes(at_s)
        return age_s >= KNOWN_S or bool(moved_boxes(self.motion, known, *self._size))

    def blind_s(self, at_s: float) -> float:
        """Since the last glance at a frame, or since the first frame."""
        return at_s - self._turns.get("heat", self._began_s)

    def is_turn(self, turn: Turn) -> bool:
        """Whether closer looks had a turn since the last turn of this kind."""
        never = -np.inf
        return bool(self._turns.get("focus", never) >= self._turns.get(turn, never))

    def had_turn(self, turn: Turn, at_s: float) -> None:
        self._turns[turn] = at_s

    def saw_whole(
        self,
        tags: Sequence[Tag],
        at_s: float,
        none: Mapping[str, float],
        row: F32 | None,
    ) -> None:
        """none: what `heads.none_for` says of it; row: probabilities of what was enrolled"""
        self._place_tags.whole(tags, at_s, none, row)
        self._moves = False
        self.had_turn("tags", at_s)

    def saw_heat(self, heat: Heat, at_s: float) -> None:
        """Of the whole frame."""
        self._things.glanced(heat.spots, at_s)
        self.had_turn("heat", at_s)

    def saw_part(self, part: Region, heat: Heat, at_s: float) -> None:
        """Of a part, in which things are larger."""
        self._parts.glanced(part.box, at_s)
        self._things.glanced_at(part, heat.spots, at_s)

    def has_moved_since(self, at_s: float) -> bool:
        """Whether anything at all has moved since `at_s`."""
        return self._motion.last_s() >= at_s

    def new_id(self) -> int:
        """A number that no thing of this source had before."""
        return self._things.new_id()

    # What a closer look could bring.

    def items(self, at_s: float, *, with_parts: bool = False, is_idle: bool = False) -> list[Item]:
        """Things first, then what moved without one, then what nobody looked at for long.

        with_parts  and parts of the frame that a glance could go to
        is_idle     and, where everything stands, what is unlikely to be a thing; where something
                    moves, it is left alone: another frame may show it better
        """
        things = self._things.items(at_s)
        found = [item for item in things if item.worth > 0]
        known = [item.box for item in things]
        waiting = unexplained(self._motion.waiting, known)
        moving = list(dict.fromkeys((*self._moved(known), *waiting)))
        for box in moving:
            found += self._moved_items(box)
        faint = self._things.faint
        still = [s for s in faint.likely if not any(alike(s.box, box) for box in moving)]
        found += [Item(spot.box, likely(spot.heat), "heat") for spot in still]
        if is_idle and not self.has_moved_since(at_s - STANDS_S):
            found += faint.items(at_s)
        if with_parts:
            found += self._parts.items(self._things, at_s)
        now, is_busy = steady(found, self._usual)
        tiles = self.sweep.items(self._hidden(at_s, with_parts), is_busy=is_busy)
        self._wanted = max(self._wanted, len(found) + len(tiles))
        return now + tiles

    def saw(
        self,
        picture: Picture,
        heads: Sequence[Head],
        item: Item,
        region: Region,
        looks: Looks,
        tags: Sequence[Tag],
        at_s: float,
    ) -> None:
        """A closer look at `region` for the sake of `item`; `tags` is what it says on its own."""
        kinds = {head.name: head.kind for head in heads}
        found = any(kinds[tag.head] == "softmax" for tag in tags)
        self.sweep.looked(region, found)
        self.had_turn("focus", at_s)
        has_come = False
        if item.why == "moved":
            has_come = self._motion.has_come(item.box)
            self.sweep.looked_at_moved(found)
        self._motion.looked(region)
        if item.is_tile:
            rows, is_fine = looks.scores.get(GALLERY), self.sweep.is_fine(region)
            self._place_tags.place(region.box, tags, at_s, rows, is_fine=is_fine)
            return
        number = item.track
        if number is None and item.why == "heat":
            self._things.faint.looked_at(item.box, at_s, found=found)
        if number is None and (found or has_come):  # it may be named otherwise
            number = self._things.met(item.box, at_s)
        self._things.looked(number, picture, heads, looks, found, at_s)

    # What is known.

    def tags(
        self, heads: Sequence[Head], names: Names, at_s: float, top_k: int | None
    ) -> tuple[Tag, ...]:
        """Everything known of the frame, best first."""
        return self._place_tags.tags(self._things, heads, names, at_s, top_k)

    def none(self, heads: Sequence[Head], at_s: float) -> tuple[Nothing, ...]:
        """What was looked at and is none of the tags of any head: the frame, then things."""
        return self._place_tags.none(self._things, heads, at_s)

    # Inside.

    def _moved(self, known: Sequence[Box]) -> list[Box]:
        """What moves that no known thing explains."""
        return [self._motion.tight(box) for box in moved_boxes(self.motion, known, *self._size)]

    def _moved_items(self, box: Box) -> list[Item]:
        """What moved where no thing is known; the more so where something was faintly seen."""
        spots = (s for s in self._things.faint.likely if alike(s.box, box))
        heat = max((likely(spot.heat) for spot in spots), default=0.0)
        moved_here = self.sweep.moved_items(box, self._motion.has_come(box))
        return [replace(i, worth=1 - (1 - i.worth) * (1 - heat)) for i in moved_here]

    def _hidden(self, at_s: float, with_parts: bool) -> float:
        """The share of things that no glance has told of, or is about to."""
        if self._parts.are_known(at_s):
            return HIDDEN_IN_PARTS
        return HIDDEN if with_parts or self._age_s("heat", at_s) <= STILL_S else 1.0

    def _learn_again(self, input_px: int, at_s: float, finer: int) -> None:
        """Things stay where they are and what they are, but for what the gallery said of them."""
        self.sweep = Sweep(*self._size, input_px, at_s, finer=finer)
        self._place_tags.clear()
        self._turns.clear()
        self._things.learn_again()

    def _age_s(self, turn: Turn, at_s: float) -> float:
        return at_s - self._turns.get(turn, -np.inf)
