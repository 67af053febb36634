"""One frame that is begun, and everything it is looked at with."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edge.frames.launches import Launches
from edge.heads.scores import GALLERY
from edge.memory.known import Memory
from edge.records import Picture
from edge.schedule.spending import Spending
from edge.seen import Looker, View, has_gallery, is_limited


class Begun(msgspec.Struct, frozen=True, eq=False):
    """One frame, in the making."""

    tagger: Looker
    picture: Picture
    view: View
    past: Memory
    at_s: float
    is_picture: bool  # no other frame will tell more
    is_small: bool  # one look at all of it shows everything there is to see
    spending: Spending
    launches: Launches


def begin(
    tagger: Looker,
    picture: Picture,
    view: View,
    past: Memory,
    clock: Callable[[], float],
    at_s: float | None,
    is_waited_for: Callable[[], bool],
) -> Begun:
    """As `tag_frame` is asked for it: what is known goes on to this frame."""
    start_s, is_picture = clock(), at_s is None
    at_s = past.time_s(start_s if at_s is None else at_s)
    is_small = past.arrive(
        picture,
        at_s,
        tagger.input_px,
        finer=_finer(tagger, view, is_picture=is_picture),
        enrolled=tagger.tags.get(GALLERY),
    )
    idle_s, tail_ms = at_s - past.launched_s, past.tail_ms
    spending = Spending(view.budget, tail_ms, idle_s, tagger.pace, clock, start_s, is_waited_for)
    launches = Launches(tagger, view, past, spending, at_s)
    return Begun(tagger, picture, view, past, at_s, is_picture, is_small, spending, launches)


def _finer(tagger: Looker, view: View, *, is_picture: bool) -> int:
    """Sizes of smaller tiles, where a frame may take as long as it needs: marks are small, and are
    looked for at two; in a picture, of which no other frame will tell more, all else at the first.
    """
    return 0 if is_limited(view) else 2 if has_gallery(tagger.heads) else int(is_picture)
