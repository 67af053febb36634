"""Zones in events: what comes to one and leaves it, who loiters there, and what is told at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edge.events.changes import Book, step
from edge.events.event import Event
from edge.events.zones import ANYWHERE, ZoneRules
from tests.happenings import result, tag


def told(
    stays: Sequence[tuple[float, tuple[str, ...]]], rules: ZoneRules = ANYWHERE
) -> list[Event]:
    """Events of one thing that is in these zones at these times."""
    book, found = Book("r"), []
    for n, (at_s, zones) in enumerate(stays):
        seen = result([tag(state="settled", zones=zones)], frame=n, second=at_s)
        book, events = step(book, seen, at_s, rules)
        found += events
    return found


def ways(events: Sequence[Event]) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    return [(e.type, e.why, e.after.current_zones, e.after.entered_zones) for e in events]


def test_coming_to_a_zone_and_leaving_it_is_told():
    events = told([(0, ()), (5, ("till",)), (10, ("till", "door")), (15, ("door",)), (20, ())])
    assert ways(events) == [
        ("new", "seen", (), ()),
        ("update", "zones", ("till",), ("till",)),
        ("update", "zones", ("till", "door"), ("till", "door")),
        ("update", "zones", ("door",), ("till", "door")),
        ("update", "zones", (), ("till", "door")),
    ]
    assert events[1].before == events[0].after


def test_going_to_and_fro_at_an_edge_is_told_once_a_second():
    edge = [(0.1 * n, ("till",) if n % 2 else ()) for n in range(100)]
    events = told(edge)
    assert ways(events)[:2] == [("new", "seen", (), ()), ("update", "zones", ("till",), ("till",))]
    assert 8 <= len(events) <= 12


def test_a_zone_counts_once_something_was_there_for_long_enough():
    rules = ZoneRules(loiter_s={"till": 3.0})
    stays = [(0, ("till",)), (2, ("till",)), (2.5, ()), (4, ("till",)), (6.9, ("till",))]
    assert ways(told(stays, rules)) == [("new", "seen", (), ())]
    assert ways(told([*stays, (7, ("till",))], rules))[-1] == (
        "update", "zones", ("till",), ("till",),
    )  # fmt: skip


def test_a_box_that_trembles_at_an_edge_goes_on_loitering_and_one_that_left_begins_anew():
    rules = ZoneRules(loiter_s={"till": 3.0})
    trembling = [(0.5 * n, ("till",) if n % 2 == 0 else ()) for n in range(8)]
    assert ("update", "zones", ("till",), ("till",)) in ways(told(trembling, rules))
    left = [(0.0, ("till",)), (2.0, ()), (3.5, ("till",)), (5.0, ("till",))]
    assert [why for _, why, _, _ in ways(told(left, rules))] == ["seen"]


def test_what_never_was_in_a_required_zone_is_not_told():
    rules = ZoneRules(required=("till",))
    assert told([(0, ()), (5, ("door",)), (60, ())], rules) == []
    late = told([(0, ("door",)), (5, ("till",)), (10, ())], rules)
    assert ways(late) == [
        ("new", "seen", ("till",), ("door", "till")),
        ("update", "zones", (), ("door", "till")),
    ]


@pytest.mark.parametrize(("zones", "kinds"), [((), []), (("till",), ["new", "end"])])
def test_a_picture_has_no_time_to_loiter(zones, kinds):
    rules = ZoneRules(("till",), {"till": 60.0})
    _, events = step(Book("r"), result([tag(zones=zones)], "p.jpg"), None, rules)
    assert [e.type for e in events] == kinds
