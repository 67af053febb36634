"""About as many looks in every frame, as far as looks can wait: people notice the slowest frame.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.schedule.candidates import Item

NEWEST = 0.1  # what a frame counts in what is usual


def smoothed_demand(before: float, wanted: int) -> float:
    """Looks that a frame usually wants, after one that wanted `wanted`. A look that waits counts in
    every frame until it is made, so that a backlog raises the number.
    """
    return before + NEWEST * (wanted - before)


def steady(items: Sequence[Item], often: float) -> tuple[list[Item], bool]:
    """Without the looks that wait for a frame with less to do, and whether exploration waits, too.

    often  looks that a frame wants, see `smoothed_demand`

    Another look at a thing can wait, the least worth first. What moved, and a thing that nobody
    looked at, cannot.
    """
    urgent = [item for item in items if item.why != "track"]
    others = sorted((i for i in items if i.why == "track"), key=lambda i: -i.worth)
    room = max(1, round(often) - len(urgent))
    return [*urgent, *others[:room]], len(others) >= room
