"""How a frame is looked at (`View`), what came of it (`Seen`), and what that needs of a tagger."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from edge.bundle.manifest import Head
from edge.glance.heat import Heat
from edge.heads.scores import GALLERY
from edge.memory import things
from edge.records import F32, Budget, Nothing, Picture, Region, Spent, Tag
from edge.schedule.candidates import Candidate, Item, Why
from edge.schedule.pace import Pace

if TYPE_CHECKING:  # few runs measure fish: whoever wants one to makes the ruler, and loads it
    from edge.length.ruler import Ruler

T = TypeVar("T")
Glance = Callable[[], tuple[Heat, float]]  # the heat, and the ms inside the engine


class View(msgspec.Struct, frozen=True):
    """How closely to look, and how much to say."""

    whole: bool = False  # one look at the whole frame, nothing else
    top_k: int | None = None  # the best of each head, thresholds ignored
    budget: Budget = Budget()
    ruler: Ruler | None = None  # measures fish; None: no camera plane is known


AS_USUAL = View()


class Looked(msgspec.Struct, frozen=True):
    """A look that was made."""

    region: Region
    why: Why
    tags: tuple[Tag, ...]  # what it alone would say, best first; the region is their box
    engine_ms: float
    gain: float = 0.0  # what it was expected to add; 0 for a look at the whole frame
    cost_ms: float = 0.0  # what it was expected to take, cutting included; likewise

    @property
    def is_closer(self) -> bool:
        """Did it name what it saw, of less than the whole frame? A glance at a part does not."""
        return self.region.kind not in ("full", "part")


class Skipped(msgspec.Struct, frozen=True):
    """A look that was worth making, and that the budget had no time for."""

    region: Region
    why: Why


class Seen(msgspec.Struct, frozen=True, eq=False):
    """What came of a frame."""

    tags: tuple[Tag, ...]  # best first
    spent: Spent
    coverage: float  # looked at closely of late, of what was to be; 1 where nothing was, 0..1
    oldest_s: float  # how long the longest forgotten place has waited
    looks: tuple[Looked, ...]  # in the order made
    skipped: tuple[Skipped, ...]  # for want of budget
    heat: Heat | None  # None: no glance was made, or the bundle has none
    motion: F32  # (rows, columns) 0..1, since the frame before
    items: tuple[Item, ...] = ()  # what there was to settle
    candidates: tuple[Candidate, ...] = ()  # and where a look could have gone
    slowdown: float = 1.0  # of launches now, over what they took when they were measured
    budget_ms: float = math.inf  # what the frame was allowed to cost
    ages_s: F32 | None = None  # (rows, columns) since the last closer look; inf: never
    none: tuple[Nothing, ...] = ()  # what was looked at and is none of the tags

    @property
    def shed(self) -> dict[str, int]:
        """How many were skipped, by why."""
        return dict(Counter(skip.why for skip in self.skipped))


class Looks(things.Looks, Protocol):
    """What R regions look like, and what it cost to find out."""

    @property
    def engine_ms(self) -> float: ...


class Looker(Protocol):
    """What a frame needs of a tagger."""

    @property
    def heads(self) -> tuple[Head, ...]: ...
    @property
    def tags(self) -> Mapping[str, tuple[tuple[str, str | None], ...]]: ...
    @property
    def input_px(self) -> int: ...
    @property
    def pace(self) -> Pace: ...
    @property
    def has_glance(self) -> bool: ...

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks: ...
    def looks(
        self, picture: Picture, regions: Iterable[Region]
    ) -> Generator[Looks, None, None]: ...
    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]: ...
    def glance_ahead(self, picture: Picture, part: Region | None = None) -> Glance: ...
    def aside(self, work: Callable[[], T]) -> Callable[[], T]: ...


class OneByOne:
    """For a `Looker` that does one thing at a time: nothing is prepared ahead, nor aside."""

    def glance_ahead(self: Looker, picture: Picture, part: Region | None = None) -> Glance:
        return partial(self.glance, picture, part)

    def aside(self, work: Callable[[], T]) -> Callable[[], T]:
        return cache(work)


def is_limited(view: View) -> bool:
    """Is there a budget?"""
    return math.isfinite(view.budget.frame_ms)


def has_gallery(heads: Iterable[Head]) -> bool:
    """Was anything enrolled?"""
    return any(head.name == GALLERY for head in heads)
