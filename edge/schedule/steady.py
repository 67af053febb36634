"""The same number of looks in every frame, as far as looks can wait: what is felt is the frame that
takes longest. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.schedule.candidates import Item

NEWEST = 0.1  # what a frame counts in what is usual


def usual(before: float, wanted: int) -> float:
    """Looks that a frame usually wants, after one that wanted so many; those that wait count in
    every frame, so that more than could be made good is made sooner.
    """
    return before + NEWEST * (wanted - before)


def steady(items: Sequence[Item], often: float) -> tuple[list[Item], bool]:
    """Without the looks that wait for a frame with less to do, and whether exploration waits, too.

    often  looks that a frame wants, see `usual`

    Another look at a thing can wait, the least worth first. What moved, and a thing that nobody
    looked at, cannot.
    """
    urgent = [item for item in items if item.why != "track"]
    others = sorted((i for i in items if i.why == "track"), key=lambda i: -i.worth)
    room = max(1, round(often) - len(urgent))
    return [*urgent, *others[:room]], len(others) >= room
