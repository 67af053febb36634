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


class Stay(msgspec.Struct, frozen=True):
    """Where a thing is, and since when; and where it was."""

    since_s: Mapping[str, float] = {}  # zone -> when it came, in the order of the config file
    current: tuple[str, ...] = ()  # those that count
    entered: tuple[str, ...] = ()  # in the order it came to them


def stayed(old: Stay, tags: Sequence[Tag], at_s: float, rules: ZoneRules) -> Stay:
    """Of a thing that has these tags now."""
    names = dict.fromkeys(zone for tag in tags for zone in tag.zones or ())
    since_s = {name: old.since_s.get(name, at_s) for name in names}
    current = tuple(n for n, s in since_s.items() if at_s - s >= rules.loiter_s.get(n, 0.0))
    entered = tuple(dict.fromkeys((*old.entered, *current)))
    return Stay(since_s, current, entered)


def is_wanted(stay: Stay, rules: ZoneRules) -> bool:
    """Is it to be told of?"""
    return not rules.required or not {*rules.required}.isdisjoint(stay.entered)
