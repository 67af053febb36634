"""What the zones of a camera mean for its events: which one counts when, and what is told at all.

Pure; times are seconds of the source's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from edge.records import Tag


class ZoneRules(msgspec.Struct, frozen=True):
    """Of one camera."""

    required: tuple[str, ...] = ()  # told only once it was in one of these; none: anywhere
    loiter_s: Mapping[str, float] = {}  # zone -> how long it must be there to count as in it


ANYWHERE = ZoneRules()
EDGE_S = 1.0  # out of a zone for less: a box that trembles at its edge loiters on


class Stay(msgspec.Struct, frozen=True):
    """Where a thing is, and since when; and where it was."""

    since_s: Mapping[str, float] = {}  # zone -> when it came
    left_s: Mapping[str, float] = {}  # zone -> when it was first out of it, a moment ago
    current: tuple[str, ...] = ()  # those that count
    entered: tuple[str, ...] = ()  # in the order it came to them


def stayed(old: Stay, tags: Sequence[Tag], at_s: float, rules: ZoneRules) -> Stay:
    """Of a thing that has these tags now."""
    names = dict.fromkeys(zone for tag in tags for zone in tag.zones or ())
    came_s = {n: s for n, s in old.since_s.items() if at_s - old.left_s.get(n, at_s) < EDGE_S}
    left_s = {n: old.left_s.get(n, at_s) for n in came_s if n not in names}
    since_s = {n: came_s.get(n, at_s) for n in (*names, *left_s)}
    current = tuple(n for n in names if at_s - since_s[n] >= rules.loiter_s.get(n, 0.0))
    entered = tuple(dict.fromkeys((*old.entered, *current)))
    return Stay(since_s, left_s, current, entered)


def is_wanted(stay: Stay, rules: ZoneRules) -> bool:
    """Is it to be told of?"""
    return not rules.required or not {*rules.required}.isdisjoint(stay.entered)
