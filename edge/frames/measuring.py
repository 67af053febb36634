"""Fish of a frame, and their lengths: when they are measured, and what the heads call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.frames.begun import Begun
from edge.heads.scores import tags_for
from edge.pictures import pixels
from edge.records import Box, Tag
from edge.schedule.candidates import crop_around
from edge.seen import is_limited

if TYPE_CHECKING:
    from edge.length.ruler import Ruler


def is_due(frame: Begun) -> bool:
    """Are fish measured before the closer looks this time? After them there may be no time left."""
    past = frame.past
    if past.measured is None or not is_limited(frame.view):
        return is_limited(frame.view)
    has_moved = past.has_moved_since(past.measured.turn_s)
    return past.measured.is_due(frame.at_s, has_moved=has_moved)


class Measuring:
    """Of one frame."""

    def __init__(self, frame: Begun) -> None:
        self._frame, self._must_name = frame, False

    def lengths(self, ruler: Ruler, *, is_turn: bool) -> tuple[Tag, ...]:
        """Fish and their lengths, in what is left of the budget; in their turn, whatever is left.

        This time is not counted as the tail of a launch, or later frames would leave out looks
        because of it. Raises ConfigError for a frame that the plane is not for.
        """
        frame, past = self._frame, self._frame.past
        limit_ms, spending = frame.view.budget.frame_ms, frame.spending
        past.measured = past.measured or ruler.begin(past.first_size)
        found = past.measured.look(
            ruler,
            frame.picture,
            frame.at_s,
            lambda: limit_ms - spending.ms,
            past.new_id,
            is_turn=is_turn,
        )
        self._must_name = is_turn  # or a turn that leaves no time would name none, again and again
        named = past.measured.named(found, self._say)
        spending.rested()
        return named

    def _say(self, name: str, box: Box) -> str | None:
        """What a head says of a box, or ""; None: no such head, no time, no closer looks."""
        tagger, picture, launches = self._frame.tagger, self._frame.picture, self._frame.launches
        head = next((head for head in tagger.heads if head.name == name), None)
        has_time = self._must_name or self._frame.spending.fits("focus")
        if head is None or self._frame.view.whole or not has_time:
            return None
        self._must_name = False
        region = crop_around(box, *pixels.size(picture))
        looks = launches.look(tagger.looks(picture, [region]))
        launches.told(looks, region, "track")
        tags = tags_for(head, tagger.tags[name], looks.scores[name][0], box)
        return tags[0].tag if tags else ""
