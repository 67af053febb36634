"""Fish of a frame, and their lengths: when they are measured, and what the heads call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.heads.scores import tags_for
from edge.launches import Launches
from edge.memory.known import Memory
from edge.pictures import pixels
from edge.records import Box, Picture, Tag
from edge.schedule.candidates import crop_around
from edge.schedule.spending import Spending
from edge.seen import Looker, View, is_limited

if TYPE_CHECKING:
    from edge.length.ruler import Ruler


def is_due(past: Memory, view: View, at_s: float) -> bool:
    """Are fish to be measured before the closer looks, which would leave that no time?"""
    if past.measured is None or not is_limited(view):
        return is_limited(view)
    has_moved = past.has_moved_since(past.measured.turn_s)
    return past.measured.is_due(at_s, has_moved=has_moved)


class Measuring:
    """Of one frame."""

    def __init__(
        self, tagger: Looker, picture: Picture, view: View, spending: Spending, launches: Launches
    ) -> None:
        self._tagger, self._picture, self._view = tagger, picture, view
        self._spending, self._launches = spending, launches
        self._must_name = False

    def lengths(self, ruler: Ruler, past: Memory, at_s: float, *, is_turn: bool) -> tuple[Tag, ...]:
        """Fish and their lengths, in what is left of the budget; or all the same, in their turn.

        That is no tail of a launch: looks are not left out later for having waited for it. Raises
        ConfigError for a frame that the plane is not for.
        """
        limit_ms = self._view.budget.frame_ms
        past.measured = past.measured or ruler.begin(past.first_size)
        found = past.measured.look(
            ruler,
            self._picture,
            at_s,
            lambda: limit_ms - self._spending.ms,
            past.new_id,
            is_turn=is_turn,
        )
        self._must_name = is_turn  # or a turn that leaves no time would name none, again and again
        named = past.measured.named(found, self._say)
        self._spending.rested()
        return named

    def _say(self, name: str, box: Box) -> str | None:
        """What a head says of a box, or ""; None: no such head, no time, no closer looks."""
        head = next((head for head in self._tagger.heads if head.name == name), None)
        has_time = self._must_name or self._spending.fits("focus")
        if head is None or self._view.whole or not has_time:
            return None
        self._must_name = False
        region = crop_around(box, *pixels.size(self._picture))
        looks = self._launches.look(self._tagger.looks(self._picture, [region]))
        self._launches.told(looks, region, "track")
        tags = tags_for(head, self._tagger.tags[name], looks.scores[name][0], box)
        return tags[0].tag if tags else ""
