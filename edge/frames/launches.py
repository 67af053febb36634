"""The launches of one frame: made, timed, and what each says on its own."""

from __future__ import annotations

from collections.abc import Iterator

from edge.bundle.manifest import Head
from edge.glance.heat import Heat
from edge.heads.scores import ATTRIBUTES, GALLERY, is_likely, tags_for
from edge.heads.worn import head_of, worn
from edge.memory.known import Memory
from edge.records import F32, Box, Region, Tag
from edge.schedule.candidates import Why
from edge.schedule.plan import Choice
from edge.schedule.spending import Spending
from edge.seen import Glance, Looked, Looker, Looks, View


class Launches:
    """Those made so far: `looks`, and `glances`, a count of those at the whole frame."""

    def __init__(
        self, tagger: Looker, view: View, past: Memory, spending: Spending, at_s: float
    ) -> None:
        self._tagger, self._view, self._past, self._at_s = tagger, view, past, at_s
        self._spending = spending
        self.looks: list[Looked] = []
        self.glances = 0

    @property
    def closer(self) -> int:
        """How many looked at less than the whole frame and named what they saw."""
        return sum(look.is_closer for look in self.looks)

    def look(self, ready: Iterator[Looks]) -> Looks:
        """The next of `ready`."""
        begin_ms = self._spending.ms
        looks = next(ready)
        self._launched("focus", begin_ms, looks.engine_ms)
        return looks

    def glance(self, glance: Glance) -> tuple[Heat, float]:
        """Make it: the heat, and the ms inside the engine."""
        begin_ms = self._spending.ms
        heat, engine_ms = glance()
        self._launched("glance", begin_ms, engine_ms)
        return heat, engine_ms

    def told(
        self,
        looks: Looks,
        region: Region,
        why: Why,
        choice: Choice | None = None,
        places: float = 1.0,
    ) -> tuple[Tag, ...]:
        """What a look says alone, best first; places: of so many the region is one."""
        head, names = head_of(self._tagger.heads), self._tagger.tags.get(ATTRIBUTES, ())
        row = None if head is None else looks.scores[ATTRIBUTES][0]
        tags = worn(tuple(self._tags_of(looks, region.box, places)), head, names, row)
        gain, cost_ms = (choice.gain, choice.cost_ms) if choice else (0.0, 0.0)
        self.looks.append(Looked(region, why, tags, looks.engine_ms, gain, cost_ms))
        return tags

    def _tags_of(self, looks: Looks, box: Box, places: float) -> Iterator[Tag]:
        for head in self._tagger.heads:
            if head.name != ATTRIBUTES:
                row, names = looks.scores[head.name][0], self._tagger.tags[head.name]
                if self._is_told(head, row, places):
                    yield from tags_for(head, names, row, box, self._view.top_k)

    def _is_told(self, head: Head, row: F32, places: float) -> bool:
        """Whether a place shows any tag of a head. Of what was enrolled other places tell more."""
        if not head.has_none or head.name == GALLERY or self._view.top_k is not None:
            return True
        return is_likely(row, places)

    def _launched(self, role: str, begin_ms: float, engine_ms: float) -> None:
        self._spending.launched(role, begin_ms, engine_ms)
        self._past.launched_s = self._at_s
